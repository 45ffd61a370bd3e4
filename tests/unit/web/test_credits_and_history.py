"""Credits, entries and use through the API."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import httpx
import pytest

from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.records import HoldRequest, Settlement
from solaris_hooks.quota.ids import AccountId, HoldId
from solaris_hooks.quota.usage import Usage, UsageSource
from tests.unit.web.asking import ACCOUNTS, error_of, make_account

MARIA = AccountId("user:maria")
CREDITS = f"{ACCOUNTS}/user:maria/credits"
GRANT = {"tokens": 500, "reason": "Bought", "idempotency_key": "invoice-1"}


async def use(ledger: MemoryLedger, number: int, charge: int, model: str = "gpt") -> None:
    hold = HoldId(UUID(int=number))
    await ledger.hold(HoldRequest(MARIA, hold, model, want=charge, minimum=0, prompt=1, lease_seconds=60))
    await ledger.settle(Settlement(MARIA, hold, model, charge, Usage(charge, 0), UsageSource.PROVIDER))


async def test_a_grant_is_made_once_for_each_key(client: httpx.AsyncClient) -> None:
    await make_account(client)
    first = await client.post(CREDITS, json=GRANT)
    again = await client.post(CREDITS, json=GRANT)
    assert (first.status_code, again.status_code) == (201, 200)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert first.json() == again.json()
    assert first.json()["credits"]["remaining"] == 500
    [lot] = first.json()["credits"]["lots"]
    assert (lot["tokens"], lot["reason"], lot["actor"], lot["expires_at"]) == (500, "Bought", "admin:boss", None)


async def test_a_replay_is_told_apart_however_much_happened_since(
    client: httpx.AsyncClient, ledger: MemoryLedger
) -> None:
    await make_account(client)
    await client.post(CREDITS, json=GRANT)
    for number in range(250):
        await use(ledger, number + 1, 1)
    assert (await client.post(CREDITS, json=GRANT)).status_code == 200
    assert (await client.post(CREDITS, json=GRANT | {"idempotency_key": "invoice-2"})).status_code == 201


async def test_a_key_used_for_other_credits_is_a_conflict(client: httpx.AsyncClient) -> None:
    await make_account(client)
    await client.post(CREDITS, json=GRANT)
    error = error_of(await client.post(CREDITS, json=GRANT | {"tokens": 501}), 409)
    assert error["type"] == "idempotency_conflict"
    assert (await client.get(f"{ACCOUNTS}/user:maria")).json()["credits"]["remaining"] == 500


async def test_keys_of_different_accounts_do_not_meet(client: httpx.AsyncClient) -> None:
    for name in ("user:maria", "user:jose"):
        await make_account(client, name)
        assert (await client.post(f"{ACCOUNTS}/{name}/credits", json=GRANT)).status_code == 201


async def test_credits_for_nobody_are_404(client: httpx.AsyncClient) -> None:
    error_of(await client.post(CREDITS, json=GRANT), 404)


@pytest.mark.parametrize(
    "tokens",
    ["0", "-1", "1.5", "5.0", "1e3", '"5"', "true", "null", "NaN", "Infinity", "1000000000000001", "9" * 400, "[5]"],
)
async def test_tokens_are_strictly_whole_and_bounded(client: httpx.AsyncClient, tokens: str) -> None:
    await make_account(client)
    body = f'{{"tokens": {tokens}, "reason": "r", "idempotency_key": "k"}}'
    response = await client.post(CREDITS, content=body, headers={"Content-Type": "application/json"})
    error = error_of(response, 400)
    assert error["param"] == "tokens" or "tokens" in str(error["message"])
    assert (await client.get(f"{ACCOUNTS}/user:maria")).json()["credits"]["remaining"] == 0


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"reason": ""}, "reason"),
        ({"reason": "   "}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": "a\r\nb"}, "reason"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"idempotency_key": "x" * 201}, "idempotency_key"),
        ({"idempotency_key": 7}, "idempotency_key"),
        ({"actor": "root"}, "actor"),
        ({"origin": "stripe"}, "origin"),
        ({"expires_at": "2026-11-21T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2027-01-01"}, "expires_at"),
        ({"expires_at": "2027-01-01T00:00:00"}, "expires_at"),
        ({"expires_at": "2027-13-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "0001-01-01T00:00:00+23:59"}, "expires_at"),
        ({"expires_at": 1893456000}, "expires_at"),
        ({"expires_at": "1893456000"}, "expires_at"),
    ],
)
async def test_what_cannot_be_granted_is_refused_by_name(
    client: httpx.AsyncClient, fields: dict[str, object], param: str
) -> None:
    await make_account(client)
    assert error_of(await client.post(CREDITS, json=GRANT | fields), 400)["param"] == param


@pytest.mark.parametrize("missing", ["tokens", "reason", "idempotency_key"])
async def test_what_is_missing_is_named(client: httpx.AsyncClient, missing: str) -> None:
    await make_account(client)
    body = {name: value for name, value in GRANT.items() if name != missing}
    assert error_of(await client.post(CREDITS, json=body), 400)["param"] == missing


async def test_an_expiry_is_kept_in_utc(client: httpx.AsyncClient) -> None:
    await make_account(client)
    granted = await client.post(CREDITS, json=GRANT | {"expires_at": "2027-01-01T00:00:00-03:00"})
    assert granted.json()["credits"]["lots"][0]["expires_at"] == "2027-01-01T03:00:00Z"


async def test_entries_come_newest_first_a_page_at_a_time(client: httpx.AsyncClient, ledger: MemoryLedger) -> None:
    await make_account(client)
    await client.post(CREDITS, json=GRANT)
    await use(ledger, 1, 30)
    page = (await client.get(f"{ACCOUNTS}/user:maria/entries", params={"limit": 2})).json()
    assert [(entry["number"], entry["kind"], entry["tokens"]) for entry in page["data"]] == [
        (3, "usage", -30),
        (2, "credit", 500),
    ]
    assert page["data"][1]["actor"] == "admin:boss"
    assert page["data"][1]["reason"] == "Bought"
    assert page["data"][0]["previous_hash"] == page["data"][1]["hash"]
    assert page["next_before"] == 2
    last = (await client.get(f"{ACCOUNTS}/user:maria/entries", params={"before": 2})).json()
    assert [entry["kind"] for entry in last["data"]] == ["opening"]
    assert last["next_before"] is None


async def test_use_is_totalled_by_day_and_model(client: httpx.AsyncClient, ledger: MemoryLedger) -> None:
    await make_account(client)
    await use(ledger, 1, 30)
    await use(ledger, 2, 12)
    await use(ledger, 3, 5, model="claude")
    usage = (await client.get(f"{ACCOUNTS}/user:maria/usage", params={"until": "2026-11-30"})).json()
    assert (usage["since"], usage["until"]) == ("2026-11-01", "2026-11-30")
    assert [(each["day"], each["model"], each["requests"], each["charge"]) for each in usage["data"]] == [
        ("2026-11-22", "claude", 1, 5),
        ("2026-11-22", "gpt", 2, 42),
    ]
    assert usage["totals"] == {
        "requests": 3,
        "estimated_requests": 0,
        "input_tokens": 47,
        "cached_input_tokens": 0,
        "output_tokens": 0,
        "charge": 47,
    }


async def test_use_without_days_is_up_to_the_account_s_today(client: httpx.AsyncClient) -> None:
    await make_account(client, time_zone="Pacific/Kiritimati")
    until = (await client.get(f"{ACCOUNTS}/user:maria/usage")).json()["until"]
    here = dt.datetime.now(dt.timezone(dt.timedelta(hours=14)))
    assert until in {here.date().isoformat(), (here - dt.timedelta(minutes=1)).date().isoformat()}


@pytest.mark.parametrize(
    ("path", "query", "param"),
    [
        ("usage", "since=2026-11-02&until=2026-11-01", "since"),
        ("usage", "since=2020-01-01&until=2026-11-01", "since"),
        ("usage", "since=yesterday", "since"),
        ("usage", "since=1700000000", "since"),
        ("usage", "until=2026-02-30", "until"),
        ("entries", "before=0", "before"),
        ("entries", "before=99999999999999999999", "before"),
        ("entries", "limit=1000", "limit"),
    ],
)
async def test_days_and_numbers_that_cannot_be_are_refused(
    client: httpx.AsyncClient, path: str, query: str, param: str
) -> None:
    await make_account(client)
    assert error_of(await client.get(f"{ACCOUNTS}/user:maria/{path}?{query}"), 400)["param"] == param
