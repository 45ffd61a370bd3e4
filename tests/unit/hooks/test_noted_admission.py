"""Whoever is refused is told an id, and what explains it is kept under it."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from litellm.proxy._types import UserAPIKeyAuth

from solaris_hooks.hooks.admission import Admission
from solaris_hooks.hooks.answer_lengths import AnswerLengths
from solaris_hooks.hooks.growth import Growth
from solaris_hooks.hooks.in_flight import InFlight
from solaris_hooks.hooks.models import ModelFacts, Models
from solaris_hooks.hooks.noted_admission import NotedAdmission
from solaris_hooks.hooks.payers import Payers
from solaris_hooks.hooks.refusal_log import RefusalLog
from solaris_hooks.hooks.refusals import REFUSAL_ID_HEADER, Refused
from solaris_hooks.hooks.settlement import Settler
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.records import AccountChange, HoldRequest, HoldResult, Plan
from solaris_hooks.ledger.refusal_book import RefusalFilter
from solaris_hooks.ledger.refusal_records import Estimate, Refusal, RefusalReason
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.errors import LedgerUnavailableError
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.settings import Settings

HASH = "0123abcd" * 8
CHAT: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "content": "hello"}],
    "proxy_server_request": {"url": "http://proxy/v1/chat/completions?key=secret", "headers": {}},
}
ANA = AccountId("user:ana")
KEY = UserAPIKeyAuth(token=HASH, api_key=HASH, user_id="ana")


class OneModel(Models):
    """Any model, with a limit."""

    def facts(self, model: str) -> ModelFacts:
        return ModelFacts(output_limit=100, hides_output=False, window=1000)

    def candidates(self, model: str, body: Mapping[str, Any]) -> tuple[str, ...]:
        return (model,)


class Books(MemoryLedger):
    """Books that can be away, or broken."""

    error: Exception | None = None

    async def hold(self, request: HoldRequest) -> HoldResult:
        if self.error is not None:
            raise self.error
        return await super().hold(request)


class Scene:
    """An admission whose refusals are kept."""

    def __init__(self, **settings: Any) -> None:
        using = Settings.model_construct(hold_wait_seconds=0.02, **settings)
        self.ledger, self.in_flight, models = Books(), InFlight(), OneModel()
        lengths = AnswerLengths(self.ledger, margin_percent=10)
        self.log = RefusalLog(self.ledger.refusals, keep=dt.timedelta(days=90), locale="en")
        admission = Admission(
            settings=using,
            ledger=self.ledger,
            in_flight=self.in_flight,
            models=models,
            lengths=lengths,
            settler=Settler(ledger=self.ledger, in_flight=self.in_flight, weights=using.weight_table, lengths=lengths),
            payers=Payers(self.ledger, id_header="x-librechat-user-id", create=True),
        )
        self.admission = NotedAdmission(admission, log=self.log, models=models, locale="en")

    async def plan(self, tokens: int, **terms: Any) -> None:
        await self.ledger.put_plan(Plan("default", tokens, **terms), actor="admin")

    async def chat(self, call_type: str = "acompletion", auth: UserAPIKeyAuth = KEY, **fields: Any) -> None:
        await asyncio.create_task(self.admission.admit(auth, CHAT | fields, call_type))

    async def refused(self, call_type: str = "acompletion", auth: UserAPIKeyAuth = KEY, **fields: Any) -> Refusal:
        """What is kept of a request that is refused, found by the id that its client was told."""
        with pytest.raises(Refused) as refused:
            await self.chat(call_type, auth, **fields)
        assert REFUSAL_ID_HEADER not in refused.value.message
        await self.log._look()
        assert await self.log.write()
        found = await self.ledger.refusals.get(UUID(refused.value.headers[REFUSAL_ID_HEADER]))
        assert found is not None
        assert (found.status, found.message) == (refused.value.status_code, refused.value.message)
        return found


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_what_was_asked_for_and_how_it_was_estimated_is_kept(scene: Scene) -> None:
    await scene.plan(10)
    found = await scene.refused(max_tokens=50)
    assert (found.reason, found.account_id, found.model, found.call_type) == (
        RefusalReason.TIGHT, ANA, "m", "acompletion")  # fmt: skip
    assert (found.path, found.key_prefix) == ("/v1/chat/completions", HASH[:8])
    asked = found.asked
    assert asked is not None
    assert asked.estimate is Estimate.TOKENIZER
    assert asked.prompt_counted is not None
    assert asked.prompt_tokens == -(-asked.prompt_counted * asked.count_percent // 100)
    assert (asked.cap_asked, asked.output_tokens, asked.model_limit) == (50, 50, 100)
    assert (asked.want, asked.minimum) == (asked.prompt_tokens + 50, asked.prompt_tokens + 1)
    assert found.figures is not None
    assert (found.figures.granted, found.figures.available) == (10, 10)


async def test_a_contended_request_tells_who_held_and_how_long_it_waited(scene: Scene) -> None:
    await scene.plan(180)
    await scene.chat(max_tokens=100)
    await scene.chat(max_tokens=15)
    found = await scene.refused(max_tokens=100)
    assert found.reason is RefusalReason.CONTENDED
    assert found.waited_ms >= 20
    assert found.holders is not None
    assert found.holders.requests == 2
    holds = sorted((hold.amount for hold in await scene.ledger.holds()), reverse=True)
    assert [each.amount for each in found.holders.largest] == holds


async def test_each_way_to_be_refused_has_its_reason(scene: Scene) -> None:
    assert (await scene.refused("acreate_batch")).reason is RefusalReason.CALL_TYPE
    found = await scene.refused(max_tokens=-1)
    assert (found.reason, found.param, found.account_id) == (RefusalReason.INVALID, "max_tokens", ANA)
    await scene.plan(1000, allowed_models=("other",))
    assert (await scene.refused()).reason is RefusalReason.MODEL
    await scene.plan(0)
    assert (await scene.refused()).reason is RefusalReason.EXHAUSTED
    for status in (Status.SUSPENDED, Status.BLOCKED, Status.PENDING):
        change = AccountChange(status=status, status_reason="because")
        await scene.ledger.put_account(ANA, change, actor="admin")
        assert (await scene.refused()).reason.value == status.value
    assert (await scene.refused("image_generation", prompt="a cat")).reason is RefusalReason.NO_PRICE


async def test_a_request_too_many_tells_how_many_may_run(scene: Scene) -> None:
    await scene.plan(100_000, max_in_flight=1)
    await scene.chat()
    found = await scene.refused()
    assert found.reason is RefusalReason.CROWDED
    assert found.figures is not None
    assert found.figures.max_in_flight == 1
    assert found.holders is not None
    assert found.holders.requests == 1


async def test_who_has_no_account_is_named_all_the_same() -> None:
    scene = Scene(unknown_users="refuse")
    found = await scene.refused()
    assert (found.reason, found.account_id, found.figures) == (RefusalReason.UNKNOWN_USER, ANA, None)


async def test_while_the_books_are_away_that_is_the_reason(scene: Scene) -> None:
    scene.ledger.error = LedgerUnavailableError()
    found = await scene.refused()
    assert (found.reason, found.status) == (RefusalReason.UNAVAILABLE, 503)
    assert found.asked is not None
    assert found.asked.estimate is Estimate.UPPER_BOUND


async def test_a_defect_refuses_and_is_kept_as_one(scene: Scene) -> None:
    scene.ledger.error = RuntimeError("defect")
    found = await scene.refused()
    assert (found.reason, found.status) == (RefusalReason.DEFECT, 503)


async def test_the_master_keys_and_raw_keys_leave_no_trace_of_themselves(scene: Scene) -> None:
    await scene.plan(0)
    nameless = UserAPIKeyAuth(user_id="ana")
    assert (await scene.refused(auth=nameless)).key_prefix is None


async def test_a_stream_that_is_cut_short_is_noted(scene: Scene) -> None:
    await scene.plan(200)
    await scene.chat(stream=True)
    (request,) = scene.in_flight
    growth = Growth(
        request, ledger=scene.ledger, in_flight=scene.in_flight, patience_seconds=0, lease_seconds=60, log=scene.log
    )
    request.cap = None
    assert not growth.covers(" word" * 2_000)
    assert not await growth.grow()
    await scene.log._look()
    await scene.log.write()
    (found,) = await scene.ledger.refusals.find(RefusalFilter(reason=RefusalReason.CUT_SHORT))
    assert (found.account_id, found.status, found.model, found.call_type) == (ANA, 200, "m", "acompletion")
    assert found.asked is not None
    assert found.asked.minimum > 200
    assert found.holders is not None
