"""Deliveries through the API."""

from __future__ import annotations

from uuid import UUID

import httpx
import pytest

from solaris_hooks.ledger.delivery_records import DeliveryRecord, DeliveryState
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.quota.ids import AccountId
from tests.unit.web.asking import MARIA, NOW, VIEWER, error_of, make_account

DELIVERIES = "/solaris/api/v1/deliveries"


def delivery(number: int, state: DeliveryState = DeliveryState.SENT, channel: str = "mail") -> DeliveryRecord:
    return DeliveryRecord(
        delivery_id=UUID(int=number),
        account_id=AccountId("user:maria"),
        event_id=UUID(int=1),
        kind="threshold.crossed",
        channel=channel,
        target="maria@example.org",
        audience="user",
        state=state,
        attempts=3,
        resends=0,
        last_error="refused" if state is DeliveryState.DEAD else None,
        folded_into=None,
        created_at=NOW,
        attempted_at=NOW,
        ended_at=NOW,
    )


@pytest.fixture(autouse=True)
def some(ledger: MemoryLedger) -> None:
    made = (
        delivery(1),
        delivery(2, DeliveryState.DEAD),
        delivery(3, channel="webhook"),
        delivery(4, DeliveryState.PENDING),
    )
    ledger.deliveries.records = {each.delivery_id: each for each in made}


def ids(response: httpx.Response) -> list[int]:
    assert response.status_code == 200, response.text
    return [UUID(each["id"]).int for each in response.json()["data"]]


async def test_deliveries_are_listed_newest_first_by_pages(client: httpx.AsyncClient) -> None:
    first = await client.get(DELIVERIES, params={"limit": 3})
    assert ids(first) == [4, 3, 2]
    assert ids(await client.get(DELIVERIES, params={"before": first.json()["next_before"]})) == [1]


async def test_deliveries_are_found_by_state_account_and_channel(client: httpx.AsyncClient) -> None:
    assert ids(await client.get(DELIVERIES, params={"state": "dead"})) == [2]
    assert ids(await client.get(DELIVERIES, params={"channel": "webhook"})) == [3]
    assert ids(await client.get(DELIVERIES, params={"account": "user:ana"})) == []
    assert error_of(await client.get(DELIVERIES, params={"state": "lost"}), 400)["param"] == "state"


async def test_one_delivery_says_why_it_was_given_up(client: httpx.AsyncClient) -> None:
    answer = (await client.get(f"{DELIVERIES}/{UUID(int=2)}")).json()
    assert (answer["state"], answer["attempts"], answer["last_error"]) == ("dead", 3, "refused")
    error_of(await client.get(f"{DELIVERIES}/{UUID(int=9)}"), 404)
    assert error_of(await client.get(f"{DELIVERIES}/x"), 400)["param"] == "delivery"


async def test_a_delivery_is_sent_again_for_a_reason(client: httpx.AsyncClient) -> None:
    path = f"{DELIVERIES}/{UUID(int=2)}/resend"
    assert error_of(await client.post(path, json={}), 400)["param"] == "reason"
    answer = await client.post(path, json={"reason": "address corrected"})
    assert (answer.status_code, answer.json()["state"], answer.json()["resends"]) == (202, "pending", 1)
    error_of(await client.post(path, json={"reason": "again"}), 409)


async def test_only_administrators_may(client: httpx.AsyncClient) -> None:
    path, reason = f"{DELIVERIES}/{UUID(int=2)}/resend", {"reason": "x"}
    assert (await client.get(DELIVERIES, headers=VIEWER)).status_code == 200
    error_of(await client.post(path, json=reason, headers=VIEWER), 403)
    error_of(await client.get(DELIVERIES, headers=MARIA), 403)
    error_of(await client.post(path, json=reason, headers=MARIA), 403)


async def test_a_users_mails_are_switched_off_and_on(client: httpx.AsyncClient) -> None:
    path = f"/solaris/api/v1/accounts/{await make_account(client)}/mails"
    assert (await client.get(path)).json() == {"mails": True}
    assert (await client.put(path, json={"mails": False, "reason": "asked for it"})).json() == {"mails": False}
    assert (await client.get(path)).json() == {"mails": False}
    error_of(await client.put(path, json={"mails": "no"}), 400)
    error_of(await client.put(path.replace("maria", "nobody"), json={"mails": False}), 404)
