"""Chat completions: OpenAI's messages in, choices out."""

from __future__ import annotations

from typing import Any

from litellm.types.utils import Delta, ModelResponseStream, StreamingChoices

from solaris_hooks.hooks.reported import text_of, usage_of
from solaris_hooks.hooks.request_body import Body
from solaris_hooks.hooks.routes import choices
from solaris_hooks.hooks.routes.choices import ChoicesReader
from solaris_hooks.hooks.routes.route import Demand
from solaris_hooks.quota.prompt import read_prompt
from solaris_hooks.quota.sizing import read_output_request
from solaris_hooks.quota.usage import Usage


class ChatRoute:
    """``/v1/chat/completions`` and its azure-style twin."""

    call_types = frozenset({"acompletion", "completion"})

    def read(self, body: Body, *, media_tokens: int) -> Demand:
        """See :meth:`Route.read`."""
        return Demand(read_prompt(body, media_tokens=media_tokens), read_output_request(body))

    def write_cap(self, body: Body, demand: Demand, tokens: int) -> None:
        """See :meth:`Route.write_cap`."""
        choices.write_cap(body, demand, tokens)

    def reader(self) -> ChoicesReader:
        """See :meth:`Route.reader`."""
        return ChoicesReader(text_of, _cut_off)

    def usage_of(self, answer: object) -> Usage | None:
        """See :meth:`Route.usage_of`."""
        return usage_of(answer)

    def text_of(self, answer: object) -> str:
        """See :meth:`Route.text_of`."""
        return text_of(answer)


def _cut_off(head: Any, index: int) -> ModelResponseStream:
    return ModelResponseStream(
        id=head.id,
        created=head.created,
        model=head.model,
        choices=[StreamingChoices(index=index, delta=Delta(), finish_reason="length")],
    )
