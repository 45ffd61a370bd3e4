"""Refusals through the API."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

import httpx
import pytest

from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.refusal_records import RefusalReason
from solaris_hooks.quota.ids import AccountId
from tests.refused import AT, holders, refusal
from tests.unit.web.asking import MARIA, VIEWER, error_of

REFUSALS = "/solaris/api/v1/refusals"
MINE = "/solaris/api/v1/me/refusals"

HELD = refusal(account_id=AccountId("user:maria"), holders=holders(400, 300))
CLOSED = refusal(
    AT + dt.timedelta(hours=1),
    account_id=None,
    reason=RefusalReason.ROUTE,
    model=None,
    figures=None,
    asked=None,
    status=403,
)


@pytest.fixture(autouse=True)
async def some(ledger: MemoryLedger) -> None:
    await ledger.refusals.write([HELD, CLOSED])


def ids(response: httpx.Response) -> list[UUID]:
    assert response.status_code == 200, response.text
    return [UUID(each["id"]) for each in response.json()["data"]]


async def test_refusals_are_listed_newest_first_by_pages(client: httpx.AsyncClient) -> None:
    first = await client.get(REFUSALS, params={"limit": 1})
    assert ids(first) == [CLOSED.refusal_id]
    assert ids(await client.get(REFUSALS, params={"before": first.json()["next_before"]})) == [HELD.refusal_id]


async def test_refusals_are_found_by_account_reason_model_and_time(client: httpx.AsyncClient) -> None:
    async def found(**wanted: str) -> list[UUID]:
        return ids(await client.get(REFUSALS, params=wanted))

    assert await found(account="user:maria") == [HELD.refusal_id]
    assert await found(account="user:nobody") == []
    assert await found(reason="route_not_metered") == [CLOSED.refusal_id]
    assert await found(model="demo") == [HELD.refusal_id]
    assert await found(since="2026-01-15T12:30:00Z") == [CLOSED.refusal_id]
    assert await found(until="2026-01-15T12:30:00Z") == [HELD.refusal_id]
    assert error_of(await client.get(REFUSALS, params={"reason": "bored"}), 400)["param"] == "reason"
    assert error_of(await client.get(REFUSALS, params={"account": "x"}), 400)["param"] == "account_id"


async def test_one_refusal_is_explained_with_its_figures(client: httpx.AsyncClient) -> None:
    answer = (await client.get(f"{REFUSALS}/{HELD.refusal_id}")).json()
    assert (answer["account_id"], answer["reason"], answer["kind"]) == ("user:maria", "contended", "refused")
    assert (answer["figures"]["left"], answer["figures"]["held"], answer["figures"]["available"]) == (800, 700, 100)
    assert [each["amount"] for each in answer["holders"]["largest"]] == [400, 300]
    assert (answer["asked"]["want"], answer["asked"]["estimate"]) == (1200, "tokenizer")
    assert "800 tokens were left, of which 700 were held and 100 were free." in answer["explanation"]
    in_portuguese = (await client.get(f"{REFUSALS}/{HELD.refusal_id}", params={"locale": "pt_BR"})).json()
    assert "Restavam 800 tokens, dos quais 700 estavam reservados e 100 livres." in in_portuguese["explanation"]
    error_of(await client.get(f"{REFUSALS}/{UUID(int=9)}"), 404)
    assert error_of(await client.get(f"{REFUSALS}/x"), 400)["param"] == "refusal"


async def test_totals_are_counted_by_day_and_reason(client: httpx.AsyncClient) -> None:
    days = {"since": "2026-01-15", "until": "2026-01-15"}
    assert (await client.get(f"{REFUSALS}/totals", params=days)).json()["data"] == [
        {"day": "2026-01-15", "reason": "contended", "count": 1, "accounts": 1},
        {"day": "2026-01-15", "reason": "route_not_metered", "count": 1, "accounts": 1},
    ]
    one = await client.get(f"{REFUSALS}/totals", params={**days, "account": "user:maria"})
    assert [each["reason"] for each in one.json()["data"]] == ["contended"]
    backwards = {"since": "2026-01-15", "until": "2026-01-14"}
    assert error_of(await client.get(f"{REFUSALS}/totals", params=backwards), 400)["param"] == "until"


async def test_users_see_their_own_and_nothing_of_the_machinery(client: httpx.AsyncClient) -> None:
    mine = await client.get(MINE, headers=MARIA)
    assert ids(mine) == [HELD.refusal_id]
    (answer,) = mine.json()["data"]
    assert {"process", "key_prefix", "account_id"}.isdisjoint(answer)
    assert "proxy-1" not in mine.text
    assert ids(await client.get(MINE, headers={"Authorization": "Bearer sk-user-ana"})) == []
    assert ids(await client.get(MINE, headers=MARIA, params={"reason": "suspended"})) == []
    assert error_of(await client.get(MINE, headers=MARIA, params={"account": "user:ana"}), 400)["param"] == "account"


async def test_only_administrators_see_all(client: httpx.AsyncClient) -> None:
    for path in (REFUSALS, f"{REFUSALS}/{HELD.refusal_id}", f"{REFUSALS}/totals?since=2026-01-15&until=2026-01-15"):
        assert (await client.get(path, headers=VIEWER)).status_code == 200
        error_of(await client.get(path, headers=MARIA), 403)
