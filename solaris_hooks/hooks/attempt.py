"""A request on its way through admission: what is known of it, should it be refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from solaris_hooks.hooks.identity import is_master_key
from solaris_hooks.ledger.refusal_records import Asked, Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from litellm.proxy._types import UserAPIKeyAuth

    from solaris_hooks.hooks.request_body import Body
    from solaris_hooks.hooks.routes import Demand
    from solaris_hooks.quota.ids import AccountId, MemberId
    from solaris_hooks.quota.sizing import Sizing

KEY_PREFIX = 8
"""Characters of a key's hash that tell one key of a user from another, and are of no use to anybody else."""

_HASH_CHARACTERS = 64
_MASTER = "master"


@dataclass(slots=True)
class Sized:
    """What a request asks for, as it was sized last.

    Attributes:
        models: that may answer, in the order of ``sizings``.
        counted: tokens of the prompt by our tokenizer, 0 where it was not counted.
        minimum: booked tokens that it was refused for, where that is more than its sizings say.
        model_limit: of the model by which it needs most; found out only when it is refused.
    """

    demand: Demand
    models: Sequence[str]
    sizings: Sequence[Sizing]
    count_percent: int = 100
    counted: int = 0
    minimum: int = 0
    model_limit: int | None = None

    @property
    def largest(self) -> int:
        """Which of the models the request needs most by."""
        return max(range(len(self.sizings)), key=lambda each: self.sizings[each].minimum)

    def asked(self) -> Asked:
        """The same, to be kept."""
        prompt, output = self.demand.prompt, self.demand.output
        sizing = self.sizings[self.largest]
        by_window = prompt.unseen and sizing.prompt_tokens > prompt.upper_bound
        counted = self.counted or None
        return Asked(
            want=max(each.want for each in self.sizings),
            fair=max(each.fair for each in self.sizings),
            minimum=max(self.minimum, sizing.minimum),
            sized_by=self.models[self.largest],
            estimate=Estimate.WINDOW if by_window else Estimate.UPPER_BOUND if counted is None else Estimate.TOKENIZER,
            prompt_tokens=sizing.prompt_tokens,
            prompt_bound=prompt.upper_bound,
            prompt_counted=counted,
            count_percent=self.count_percent,
            output_tokens=sizing.output_tokens,
            usual_output=sizing.usual_tokens,
            choices=sizing.choices,
            cap_asked=output.cap,
            model_limit=self.model_limit,
            weight_input=str(sizing.weights.input),
            weight_cached_input=str(sizing.weights.cached_input),
            weight_output=str(sizing.weights.output),
            price=sizing.price,
        )


@dataclass(slots=True)
class Attempt:
    """What is known of a request so far.

    Attributes:
        call_type: LiteLLM's name of the kind of call, or of the function that would have served it.
        path: of its address, without the query, which may hold a key.
        model: asked for; whatever the client wrote.
        key_prefix: first characters of the hash of its key.
        account_id: who pays; None as long as nobody knows.
        member_id: who asks, where that is his team.
        locale: the account's language, where it is known without its figures.
        waited_seconds: for other requests of the account to end.
    """

    call_type: str
    path: str | None = None
    model: str | None = None
    key_prefix: str | None = None
    account_id: AccountId | None = None
    locale: str | None = None
    sized: Sized | None = None
    waited_seconds: float = 0.0
    member_id: MemberId | None = None

    @classmethod
    def of(cls, auth: UserAPIKeyAuth, body: Body, call_type: str) -> Self:
        """A request as LiteLLM hands it over."""
        model = body.get("model")
        return cls(
            call_type=call_type,
            path=_path(body),
            model=model if isinstance(model, str) else None,
            key_prefix=_MASTER if is_master_key(auth) else key_prefix(auth.token or auth.api_key),
        )


def key_prefix(hashed: str | None) -> str | None:
    """The first characters of a key's hash; None of anything that is no hash."""
    if hashed is None or len(hashed) != _HASH_CHARACTERS or hashed.startswith("sk-"):
        return None
    return hashed[:KEY_PREFIX]


def _path(body: dict[str, Any]) -> str | None:
    request = body.get("proxy_server_request")
    url = request.get("url") if isinstance(request, dict) else None
    if not isinstance(url, str):
        return None
    try:
        return urlsplit(url).path or None
    except ValueError:
        return None
