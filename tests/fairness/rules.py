"""The rules that are compared: ours, made of the plugin's own classes, and LiteLLM's reservation of its budgets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from litellm.proxy._types import ProxyException, UserAPIKeyAuth
from litellm.types.utils import Delta, ModelResponseStream, StreamingChoices, Usage

from solaris_hooks.hooks.admission import Admission
from solaris_hooks.hooks.answer_lengths import AnswerLengths
from solaris_hooks.hooks.growth import Growth
from solaris_hooks.hooks.in_flight import InFlight, Request
from solaris_hooks.hooks.models import ModelFacts, Models
from solaris_hooks.hooks.payers import Payers
from solaris_hooks.hooks.request_body import marked
from solaris_hooks.hooks.settlement import Settler
from solaris_hooks.hooks.stream import settled_at_end
from solaris_hooks.ledger.lengths import LengthKind
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.records import Plan, Settlement, SettleResult
from solaris_hooks.quota.ids import HoldId
from solaris_hooks.quota.usage import Usage as Booked
from solaris_hooks.settings import Settings
from tests.fairness.traffic import FORMAT_TOKENS, MODEL_LIMIT, TOKENS_A_SECOND, Chat, chats, next_chat

CHUNK_TOKENS = 20
LEARNED_CHATS = 3000
"""What the plugin has seen before the simulation begins, as on any day but the first."""

_CHUNK = ModelResponseStream(
    id="chatcmpl-1", choices=[StreamingChoices(index=0, delta=Delta(content="word " * CHUNK_TOKENS))]
)


class RefusedError(Exception):
    """The rule does not admit the request."""


@dataclass(frozen=True, slots=True)
class Served:
    """A request that ran.

    Attributes:
        used: tokens booked for it, its prompt included.
        whole: it was not cut short.
    """

    used: int
    whole: bool


class Rule(Protocol):
    """Decides over the requests of one account."""

    async def serve(self, chat: Chat) -> Served:
        """Admit a request and let it run, for as long as it takes and as it may.

        Raises:
            RefusedError: it was not admitted.
        """
        ...


class NativeRule:
    """LiteLLM's budgets: the longest answer is reserved, 16,384 tokens where a request does not say.

    Its own comparison is in dollars; with one model that is the same as in tokens.
    """

    def __init__(self, granted: int, *, fail_closed: bool) -> None:
        """Begin with nothing used.

        Args:
            granted: tokens of the account.
            fail_closed: refuse what does not fit; LiteLLM's default shrinks the last reservation to what
                is left and lets the request run.
        """
        self._granted = granted
        self._fail_closed = fail_closed
        self._counted = 0

    async def serve(self, chat: Chat) -> Served:
        """See :meth:`Rule.serve`."""
        left = self._granted - self._counted
        reservation = chat.prompt + min(16_384, MODEL_LIMIT)
        if left <= 0 or (self._fail_closed and reservation > left):
            raise RefusedError
        reserved = min(reservation, left)
        self._counted += reserved
        await asyncio.sleep(chat.answer / TOKENS_A_SECOND)
        self._counted += chat.tokens - reserved
        return Served(chat.tokens, whole=True)


class _Ledger(MemoryLedger):
    """Remembers what each request was booked with."""

    def __init__(self) -> None:
        super().__init__()
        self.charges: dict[HoldId, int] = {}

    async def settle(self, settlement: Settlement) -> SettleResult:
        self.charges[settlement.hold_id] = settlement.charge
        return await super().settle(settlement)


class _OneModel(Models):
    def facts(self, model: str) -> ModelFacts:
        return ModelFacts(MODEL_LIMIT, hides_output=False)

    def candidates(self, model: str, body: Mapping[str, Any]) -> tuple[str, ...]:
        return (model,)


class SolarisRule:
    """The plugin's own admission, growth and settlement, on the ledger in memory."""

    def __init__(self, granted: int, *, learned: bool = True) -> None:
        """Begin with a full account.

        Args:
            granted: tokens of the account.
            learned: whether the plugin has seen traffic before.
        """
        self._ledger = _Ledger()
        self._granted = granted
        self._in_flight = InFlight()
        settings = Settings.model_construct(database_url="postgresql://nowhere")
        self._lengths = AnswerLengths(self._ledger, margin_percent=settings.estimate_margin_percent)
        self._settler = Settler(
            ledger=self._ledger,
            in_flight=self._in_flight,
            weights=settings.weight_table,
            lengths=self._lengths,
        )
        self._admission = Admission(
            settings=settings,
            ledger=self._ledger,
            in_flight=self._in_flight,
            models=_OneModel(),
            lengths=self._lengths,
            settler=self._settler,
            payers=Payers(self._ledger, id_header=settings.end_user_id_header, create=True),
        )
        self._growth_of = partial(
            Growth,
            ledger=self._ledger,
            in_flight=self._in_flight,
            patience_seconds=settings.hold_wait_seconds,
            lease_seconds=settings.hold_lease_seconds,
        )
        self._auth = UserAPIKeyAuth(api_key="sk-1", token="0" * 64)
        self._ready = False
        if learned:
            self._learn()

    async def serve(self, chat: Chat) -> Served:
        """See :meth:`Rule.serve`."""
        if not self._ready:
            self._ready = True
            await self._ledger.put_plan(Plan("default", self._granted), actor="admin")
        content = "word " * (chat.prompt - FORMAT_TOKENS)
        body: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": content}]}
        if chat.stream:
            body["stream"] = True
        try:
            await self._admission.admit(self._auth, body, "acompletion")
        except ProxyException as exc:
            raise RefusedError from exc
        request = self._in_flight.find(marked(body))
        assert request is not None
        return await (self._stream(request, chat, body) if chat.stream else self._whole(request, chat, body))

    async def _whole(self, request: Request, chat: Chat, body: Mapping[str, Any]) -> Served:
        answer = min(chat.answer, body.get("max_tokens", chat.answer))
        await asyncio.sleep(answer / TOKENS_A_SECOND)
        await self._settler.settle(request, Booked(chat.prompt, answer), model="m", text="")
        return Served(chat.prompt + answer, whole=answer == chat.answer)

    async def _stream(self, request: Request, chat: Chat, body: dict[str, Any]) -> Served:
        answer = min(chat.answer, body.get("max_tokens", chat.answer))
        passed = 0
        growth = self._growth_of(request)
        async for chunk in settled_at_end(request, _provider(chat.prompt, answer), body, self._settler, growth):
            passed += chunk is _CHUNK
        return Served(self._ledger.charges[request.hold_id], whole=passed == chat.answer // CHUNK_TOKENS)

    def _learn(self) -> None:
        source = chats("what was before")
        for _ in range(LEARNED_CHATS):
            chat = next_chat(source)
            self._lengths.learn("m", LengthKind.STREAM if chat.stream else LengthKind.WHOLE, chat.answer)
            self._lengths.learn_ratio("m", counted=100, reported=100)


async def _provider(prompt: int, answer: int) -> AsyncIterator[ModelResponseStream]:
    for _ in range(answer // CHUNK_TOKENS):
        await asyncio.sleep(CHUNK_TOKENS / TOKENS_A_SECOND)
        yield _CHUNK
    usage = Usage(prompt_tokens=prompt, completion_tokens=answer)
    yield ModelResponseStream(id="chatcmpl-1", choices=[StreamingChoices(index=0, delta=Delta())], usage=usage)
