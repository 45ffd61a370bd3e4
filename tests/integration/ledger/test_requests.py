"""Requests for credits: limited, decided once, granted with the decision."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from solaris_hooks.credits.errors import (
    CreditRequestRefusedError,
    NoReasonError,
    RequestDecidedError,
    TokensOutOfRangeError,
    TooManyOpenRequestsError,
    TooManyRequestsTodayError,
    UnknownPackageError,
)
from solaris_hooks.credits.requests import CreditRequests
from solaris_hooks.ledger.credit_requests import (
    CreditRequest,
    Decision,
    NewCreditRequest,
    Payment,
    RequestOutcome,
    RequestState,
)
from solaris_hooks.ledger.event import EventKind
from solaris_hooks.quota.errors import ConflictError, InvalidRequestError, NotFoundError
from solaris_hooks.quota.ids import new_hold_id
from solaris_hooks.settings import CreditPackage, CreditRequestLimits

from .world import ANA, BIA, EVA, RUI, TEAM, World, facts, utc

PACKAGE = CreditPackage(name="Inicial", tokens=500, price="29.90", currency="BRL")
ROOT = "admin:root"


@pytest.fixture
async def requests(world: World) -> CreditRequests:
    """Requests for the credits of Ana, who has an account."""
    await world.hold(0, 0)
    limits = CreditRequestLimits(open_limit=2, per_day=3, max_tokens=1000)
    return CreditRequests(world.ledger.requests, limits=limits, packages=[PACKAGE])


async def asked(requests: CreditRequests, tokens: int = 100) -> CreditRequest:
    return await requests.request(ANA, tokens, "projeto X", actor=ANA)


async def test_a_request_waits_for_a_decision(world: World, requests: CreditRequests) -> None:
    request = await requests.request(ANA, 100, "  projeto\n\u200bX ", actor=ANA)
    assert (request.account_id, request.tokens, request.reason) == (ANA, 100, "projeto X")
    assert (request.state, request.requested_at, request.requested_by) == ("requested", world.clock.now, ANA)
    assert (request.decided_at, request.lot_id, request.payment, request.package) == (None, None, None, None)
    event = (await world.ledger.events(ANA))[0]
    assert (event.kind, event.details["tokens"], event.details["reason"]) == (
        EventKind.CREDIT_REQUESTED,
        100,
        "projeto X",
    )
    assert await world.ledger.take_notices(ANA) in ([], ()), "who has asked knows"
    (record,) = await world.ledger.trail.records()
    assert (record.action, record.actor, record.subject) == ("request.create", ANA, str(request.request_id))
    assert (record.after, record.reason) == ({"state": "requested", "tokens": 100}, "projeto X")


async def test_a_package_is_asked_for_at_the_price_of_its_day(requests: CreditRequests) -> None:
    for tokens in (None, 500):
        request = await requests.request(ANA, tokens, "x", package="Inicial", actor=ANA)
        assert (request.tokens, request.package, str(request.price), request.currency) == (
            500,
            "Inicial",
            "29.90",
            "BRL",
        )
    for name, tokens in (("Inicial", 501), ("Grande", None)):
        with pytest.raises(UnknownPackageError):
            await requests.request(ANA, tokens, "x", package=name, actor=ANA)


@pytest.mark.parametrize("tokens", [None, 0, -1, 1001, 10**30])
async def test_only_so_many_tokens_can_be_asked_for(requests: CreditRequests, tokens: int | None) -> None:
    with pytest.raises(TokensOutOfRangeError) as refused:
        await requests.request(ANA, tokens, "x", actor=ANA)
    assert refused.value.said_in("pt_BR") == "Um pedido de créditos vai de 1 a 1.000 tokens."


@pytest.mark.parametrize("reason", ["", " \n\t", "\x00\x1b", "x" * 501])
async def test_a_request_says_why(requests: CreditRequests, reason: str) -> None:
    with pytest.raises(NoReasonError):
        await requests.request(ANA, 5, reason, actor=ANA)


async def test_only_so_many_requests_wait_at_once(requests: CreditRequests) -> None:
    first = await asked(requests)
    await asked(requests)
    with pytest.raises(TooManyOpenRequestsError) as refused:
        await asked(requests)
    assert isinstance(refused.value, CreditRequestRefusedError)
    assert isinstance(refused.value, InvalidRequestError)
    assert "(limit: 2)" in refused.value.message
    await requests.reject(first.request_id, actor=ROOT, reason="no")
    await asked(requests)


async def test_only_so_many_requests_are_made_in_a_day_whatever_became_of_them(
    world: World, requests: CreditRequests
) -> None:
    for _ in range(3):
        await requests.cancel((await asked(requests)).request_id, ANA, actor=ANA)
    with pytest.raises(TooManyRequestsTodayError):
        await asked(requests)
    world.clock.wait(days=1)
    await asked(requests)


async def test_nobody_without_an_account_asks(requests: CreditRequests) -> None:
    with pytest.raises(NotFoundError):
        await requests.request(BIA, 5, "x", actor=BIA)


async def test_an_approval_grants_once(world: World, requests: CreditRequests) -> None:
    request = await asked(requests)
    world.clock.wait(seconds=60)

    decided = await requests.approve(request.request_id, actor=ROOT, reason="ok", expires_at=utc("2026-06-01"))
    again = await requests.approve(request.request_id, actor="admin:other")

    assert again == decided
    assert (decided.state, decided.granted_tokens, decided.decided_by) == ("approved", 100, ROOT)
    assert (decided.decided_at, decided.decision_reason) == (world.clock.now, "ok")
    (lot,) = (await world.account()).lots
    assert (lot.lot_id, lot.tokens, lot.origin, lot.expires_at) == (decided.lot_id, 100, "request", utc("2026-06-01"))
    (entry,) = [each for each in await world.entries() if each.kind == "credit"]
    assert (entry.idempotency_key, entry.reason) == (f"credit:request:{request.request_id}", "ok")
    assert facts(entry)["origin"] == "request"
    notices = await world.ledger.take_notices(ANA)
    assert [(event.kind, event.details["approved"], event.details["tokens"]) for event in notices] == [
        (EventKind.CREDIT_DECIDED, True, 100)
    ], "told once: the grant itself is not told as well"
    records = await world.ledger.trail.records()
    assert [record.action for record in records] == ["request.approve", "request.create"]
    assert records[0].before == {"state": "requested"}
    assert records[0].after == {"state": "approved", "granted_tokens": 100, "lot_id": str(lot.lot_id)}


async def test_another_amount_may_be_approved(world: World, requests: CreditRequests) -> None:
    request = await asked(requests)
    decided = await requests.approve(request.request_id, actor=ROOT, tokens=40)
    assert (decided.tokens, decided.granted_tokens) == (100, 40)
    assert (await world.account()).balance.credits_remaining == 40
    event = (await world.ledger.take_notices(ANA))[0]
    assert (event.details["tokens"], event.details["requested_tokens"]) == (40, 100)
    assert (await requests.approve(request.request_id, actor=ROOT, tokens=40)) == decided
    for other in (None, 100):
        with pytest.raises(RequestDecidedError):
            await requests.approve(request.request_id, actor=ROOT, tokens=other)
    for absurd in (0, -1, 10**15 + 1):
        with pytest.raises(InvalidRequestError):
            await requests.approve(request.request_id, actor=ROOT, tokens=absurd)


async def test_a_rejection_says_why(world: World, requests: CreditRequests) -> None:
    request = await asked(requests)
    with pytest.raises(NoReasonError):
        await requests.reject(request.request_id, actor=ROOT, reason=" ")
    decided = await requests.reject(request.request_id, actor=ROOT, reason="Sem orçamento")
    assert (decided.state, decided.decision_reason, decided.granted_tokens) == ("rejected", "Sem orçamento", None)
    assert (await world.account()).balance.credits_remaining == 0
    (event,) = await world.ledger.take_notices(ANA)
    assert (event.details["approved"], event.details["reason"]) == (False, "Sem orçamento")
    assert (await world.ledger.trail.records())[0].reason == "Sem orçamento"


async def test_what_was_decided_stays_decided(world: World, requests: CreditRequests) -> None:
    request_id = (await asked(requests)).request_id
    await requests.reject(request_id, actor=ROOT, reason="no")
    with pytest.raises(RequestDecidedError):
        await requests.approve(request_id, actor=ROOT)
    with pytest.raises(RequestDecidedError):
        await requests.cancel(request_id, ANA, actor=ANA)
    assert (await world.account()).balance.credits_remaining == 0
    assert (await requests.existing(request_id)).state == "rejected"


async def test_only_one_s_own_request_can_be_cancelled(world: World, requests: CreditRequests) -> None:
    request_id = (await asked(requests)).request_id
    await world.hold(0, 0, account_id=BIA)
    with pytest.raises(NotFoundError):
        await requests.cancel(request_id, BIA, actor=BIA)
    assert (await requests.cancel(request_id, ANA, actor=ANA)).state == "cancelled"
    assert (await requests.cancel(request_id, ANA, actor=ANA)).state == "cancelled"
    assert await world.ledger.take_notices(ANA) in ([], ())
    for missing in (UUID(int=1),):
        with pytest.raises(NotFoundError):
            await requests.approve(missing, actor=ROOT)


async def test_a_request_for_credits_that_would_be_over_already_is_still_open(requests: CreditRequests) -> None:
    request_id = (await asked(requests)).request_id
    with pytest.raises(InvalidRequestError):
        await requests.approve(request_id, actor=ROOT, expires_at=utc("2026-01-01"))
    assert (await requests.existing(request_id)).state == "requested"


async def test_a_payment_credits_once_however_often_it_is_confirmed(world: World, requests: CreditRequests) -> None:
    request_id = (await requests.request(ANA, None, "x", package="Inicial", actor=ANA)).request_id
    payment = Payment("fake-payments", "evt-1")

    first = await requests.paid(request_id, payment, actor="payment:fake-payments")
    again = await requests.paid(request_id, payment, actor="payment:fake-payments")

    assert first == again
    assert (first.payment, first.granted_tokens) == (payment, 500)
    (lot,) = (await world.account()).lots
    assert (lot.origin, lot.tokens) == ("purchase", 500)
    with pytest.raises(RequestDecidedError):
        await requests.paid(request_id, replace(payment, payment_id="evt-2"), actor="payment:fake-payments")
    other = (await asked(requests)).request_id
    with pytest.raises(ConflictError):
        await requests.paid(other, payment, actor="payment:fake-payments")
    assert (await requests.existing(other)).state == "requested"
    assert (await world.account()).balance.credits_remaining == 500


async def test_requests_are_found_by_account_and_state_newest_first(world: World, requests: CreditRequests) -> None:
    await world.hold(0, 0, account_id=BIA)
    first, second = await asked(requests, 1), await asked(requests, 2)
    third = await requests.request(BIA, 3, "x", actor=BIA)
    await requests.reject(first.request_id, actor=ROOT, reason="no")

    async def tokens(**wanted: object) -> list[int]:
        return [each.tokens for each in await requests.book.find(**wanted)]  # type: ignore[arg-type]

    assert await tokens() == [3, 2, 1]
    assert await tokens(limit=1) == [3]
    assert await tokens(before=third.number) == [2, 1]
    assert await tokens(account_id=ANA) == [2, 1]
    assert await tokens(state=RequestState.REQUESTED) == [3, 2]
    assert await tokens(state=RequestState.REQUESTED, account_id=ANA) == [second.tokens]


async def test_asking_again_after_a_broken_connection_asks_once(world: World, requests: CreditRequests) -> None:
    request = await asked(requests)
    new = NewCreditRequest(request.request_id, ANA, 100, "projeto X", ANA, open_limit=1, day_limit=1)
    assert await requests.book.make(new) is RequestOutcome.REPLAYED
    assert len(await world.ledger.trail.records()) == 1


async def test_two_administrators_at_once_decide_once(world: World, requests: CreditRequests) -> None:
    request_id = (await asked(requests)).request_id
    approve = Decision(request_id, RequestState.APPROVED, ROOT)
    reject = Decision(request_id, RequestState.REJECTED, "admin:other", reason="no")
    outcomes = await asyncio.gather(*(requests.book.decide(each) for each in (approve, reject) * 4))
    kinds = {outcome.value for outcome in outcomes}
    assert sum(outcome.value in {"approved", "rejected"} for outcome in outcomes) == 1
    assert kinds <= {"approved", "rejected", "replayed", "decided"}
    granted = (await world.account()).balance.credits_remaining
    assert granted == (100 if (await requests.existing(request_id)).state == "approved" else 0)


async def test_each_member_of_a_team_asks_for_himself(world: World, requests: CreditRequests) -> None:
    await world.hold(1, 0, account_id=TEAM, member_id=RUI)
    for _ in range(2):
        await requests.request(TEAM, 5, "projeto", actor=RUI)
    with pytest.raises(TooManyOpenRequestsError):
        await requests.request(TEAM, 5, "projeto", actor=RUI)
    evas = await requests.request(TEAM, 5, "outro", actor=EVA)
    assert [each.number for each in await requests.book.find(account_id=TEAM, requested_by=EVA)] == [evas.number]
    await world.hold(1, 0)
    outcomes = [
        await requests.book.make(NewCreditRequest(new_hold_id(), ANA, 5, "x", actor, open_limit=1, day_limit=9))
        for actor in ("user:a", "user:b")
    ]
    assert outcomes == [RequestOutcome.REQUESTED, RequestOutcome.OPEN_LIMIT], "of any other account all are its user's"
