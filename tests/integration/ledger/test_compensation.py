"""Compensation in bulk: for whom the books know that his requests failed, once for each campaign."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import httpx
import pytest

from solaris_hooks.ledger import compensation
from solaris_hooks.ledger.audit_trail import AuditFilter
from solaris_hooks.ledger.compensation import Affected, Campaign, Compensated
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.quota.errors import ConflictError, InvalidRequestError
from solaris_hooks.quota.ids import AccountId, HoldId
from solaris_hooks.quota.usage import UsageSource
from solaris_hooks.web.api import build_api
from tests.unit.web.asking import ADMIN, VIEWER, FakeAuthenticator

from .world import ANA, BIA, Clock, World, facts, utc

CID = AccountId("user:cid")
OUTAGE = Campaign("outage-1", utc("2026-01-15 10:00"), utc("2026-01-15 11:00"), "Falha do provedor", tokens=1000)
ROOT = "admin:root"


@pytest.fixture
async def outage(postgres_ledger: PostgresLedger, clock: Clock) -> World:
    """Ana's request failed, Bia's went well, nobody knows what became of Cid's; an hour before, all went well."""
    world = World(postgres_ledger, clock)
    number = 0

    async def call(account_id: AccountId, at: str, charge: int | None, source: UsageSource) -> None:
        nonlocal number
        number += 1
        milliseconds = int(utc(at).timestamp() * 1000)
        hold_id = HoldId(UUID(int=(milliseconds << 80) | (7 << 76) | (2 << 62) | number))
        await world.hold(500, account_id=account_id, hold_id=hold_id)
        if charge is None:
            await world.ledger.release(account_id, hold_id)
        else:
            await world.settle(hold_id, charge, account_id=account_id, source=source)

    for account_id in (ANA, BIA, CID):
        await call(account_id, "2026-01-15 09:59:59.999", 100, UsageSource.PROVIDER)
    await call(ANA, "2026-01-15 10:00", 333, UsageSource.PROVIDER)
    await call(ANA, "2026-01-15 10:30", None, UsageSource.PROVIDER)
    await call(BIA, "2026-01-15 10:59:59.999", 50, UsageSource.PROVIDER)
    await call(CID, "2026-01-15 10:40", 10, UsageSource.SWEEP)
    await call(BIA, "2026-01-15 11:00", None, UsageSource.PROVIDER)
    return world


def books(world: World) -> compensation.Compensation:
    assert isinstance(world.ledger, PostgresLedger)
    return world.ledger.compensation


async def granted(world: World, campaign: Campaign, *, actor: str) -> Compensated:
    everybody = await books(world).affected(campaign)
    return await books(world).grant(campaign, everybody, actor=actor)


async def test_a_dry_run_lists_who_would_get_what_and_changes_nothing(outage: World) -> None:
    assert await books(outage).affected(OUTAGE) == [Affected(CID, 1, 1, 10, 1000), Affected(ANA, 2, 1, 333, 1000)][::-1]
    everybody = replace(OUTAGE, failed_only=False)
    assert [each.account_id for each in await books(outage).affected(everybody)] == [ANA, BIA, CID]
    by_use = replace(everybody, tokens=None, percent_of_use=10)
    assert [(each.account_id, each.tokens) for each in await books(outage).affected(by_use)] == [
        (ANA, 34),
        (BIA, 5),
        (CID, 1),
    ]
    assert await outage.ledger.trail.records() == []
    assert (await outage.account()).balance.credits_remaining == 0


async def test_a_campaign_grants_each_account_once(outage: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compensation, "BATCH", 1)
    campaign = replace(OUTAGE, expires_at=utc("2026-03-01"))
    assert await granted(outage, campaign, actor=ROOT) == Compensated(2, 2000)
    assert await granted(outage, campaign, actor="admin:other") == Compensated(0, 0)
    (lot,) = (await outage.account()).lots
    assert (lot.tokens, lot.origin, lot.reason, lot.expires_at) == (
        1000,
        "compensation",
        "Falha do provedor",
        utc("2026-03-01"),
    )
    assert (await outage.account(BIA)).lots == ()
    (entry,) = [each for each in await outage.entries(CID) if each.kind == "credit"]
    assert (entry.idempotency_key, facts(entry)["origin"]) == ("credit:compensation:outage-1", "compensation")
    assert [event.kind for event in await outage.ledger.take_notices(ANA)] == ["credit.granted"]
    begun = await outage.ledger.trail.records(AuditFilter(action="credits.compensate"))
    assert [(record.subject, record.actor, record.reason) for record in begun] == [
        ("outage-1", ROOT, "Falha do provedor")
    ]
    assert begun[0].after == campaign.terms
    assert len(await outage.ledger.trail.records(AuditFilter(action="credits.grant"))) == 2
    assert (await outage.ledger.verify()).flaws == ()


async def test_a_campaign_that_was_stopped_grants_the_rest(outage: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compensation, "BATCH", 1)
    statements, batches = books(outage)._statements, 0
    once = statements.one

    async def dies(name: str, parameters: dict[str, object]) -> object:
        nonlocal batches
        batches += name == "compensate"
        if batches == 2:
            raise KeyboardInterrupt
        return await once(name, parameters)

    with monkeypatch.context() as patch:
        patch.setattr(statements, "one", dies)
        with pytest.raises(KeyboardInterrupt):
            await granted(outage, OUTAGE, actor=ROOT)
    assert await granted(outage, OUTAGE, actor=ROOT) == Compensated(1, 1000)


async def test_a_campaign_cannot_go_on_with_other_terms(outage: World) -> None:
    await granted(outage, OUTAGE, actor=ROOT)
    for other in (replace(OUTAGE, tokens=2000), replace(OUTAGE, failed_only=False)):
        with pytest.raises(ConflictError):
            await granted(outage, other, actor=ROOT)
    assert await granted(outage, replace(OUTAGE, name="outage-2"), actor=ROOT) == Compensated(2, 2000)


@pytest.mark.parametrize(
    "fields",
    [
        {"until": OUTAGE.since},
        {"tokens": None},
        {"percent_of_use": 10},
        {"tokens": 0},
        {"tokens": None, "percent_of_use": 0},
        {"tokens": None, "percent_of_use": 1001},
    ],
)
async def test_a_campaign_that_cannot_be_is_refused(postgres_ledger: PostgresLedger, fields: dict[str, object]) -> None:
    campaign = replace(OUTAGE, **fields)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequestError):
        await postgres_ledger.compensation.affected(campaign)


async def test_the_api_compensates_after_a_dry_run(outage: World) -> None:
    api = build_api(outage.ledger, FakeAuthenticator(), campaigns=books(outage))
    body = {
        "campaign": "outage-1",
        "since": "2026-01-15T10:00:00Z",
        "until": "2026-01-15T11:00:00Z",
        "tokens": 1000,
        "reason": "Falha do provedor",
    }
    path = "/api/v1/compensations"
    transport = httpx.ASGITransport(app=api)
    async with httpx.AsyncClient(transport=transport, base_url="http://proxy", headers=ADMIN) as client:
        assert (await client.post(path, json=body)).status_code == 400, "whether it is dry is said"
        assert (await client.post(path, json=body | {"dry_run": True}, headers=VIEWER)).status_code == 403
        dry = (await client.post(path, json=body | {"dry_run": True})).json()
        assert (dry["accounts"], dry["tokens"], dry["granted_accounts"]) == (2, 2000, 0)
        assert [each["account_id"] for each in dry["data"]] == [ANA, CID]
        granted_now = (await client.post(path, json=body | {"dry_run": False})).json()
        assert (granted_now["granted_accounts"], granted_now["granted_tokens"]) == (2, 2000)
        assert (await client.post(path, json=body | {"dry_run": False, "tokens": 5})).status_code == 409
        for field, value in (("campaign", "A b"), ("affected", "all"), ("percent_of_use", 10), ("tokens", None)):
            assert (await client.post(path, json=body | {"dry_run": True, field: value})).status_code == 400
