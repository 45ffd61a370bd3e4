"""Resets, messages, preferences and exports over HTTP."""

from __future__ import annotations

import json

import httpx
import pytest

from solaris_hooks.ledger.account_actions import MOST_MESSAGES_A_DAY
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.records import HoldRequest, Settlement
from solaris_hooks.quota.ids import AccountId, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource
from solaris_hooks.web import export
from solaris_hooks.web.export import ExportAnswer
from tests.unit.web.asking import ACCOUNTS, ADMIN, MARIA, VIEWER, error_of, make_account

MINE = "/solaris/api/v1/me"
USER = f"{ACCOUNTS}/user:maria"


async def use(ledger: MemoryLedger, charge: int) -> None:
    hold_id = new_hold_id()
    await ledger.hold(HoldRequest(AccountId("user:maria"), hold_id, "gpt", 0, 0, 0, 60))
    await ledger.settle(
        Settlement(AccountId("user:maria"), hold_id, "gpt", charge, Usage(charge, 0), UsageSource.PROVIDER)
    )


async def test_a_period_is_reset_once_for_each_key(client: httpx.AsyncClient, ledger: MemoryLedger) -> None:
    await make_account(client)
    await use(ledger, 300)
    body = {"reason": "our failure", "idempotency_key": "k"}
    first = await client.post(f"{USER}/reset", json=body)
    assert (first.status_code, first.json()["tokens"]) == (200, 300)
    assert first.json()["account"]["allowance"] == {"granted": 1_000_000, "used": 0}
    again = await client.post(f"{USER}/reset", json=body)
    assert (again.json()["tokens"], again.headers["idempotent-replayed"]) == (300, "true")
    error_of(await client.post(f"{USER}/reset", json={"idempotency_key": "k"}), 400)
    error_of(await client.post(f"{USER}/reset", json=body, headers=VIEWER), 403)
    error_of(await client.post(f"{ACCOUNTS}/user:none/reset", json=body), 404)


async def test_a_message_goes_once_and_not_too_often(client: httpx.AsyncClient) -> None:
    await make_account(client)
    body = {"text": "  Olá,\r\n\r\nsábado  ", "idempotency_key": "m"}
    sent = await client.post(f"{USER}/messages", json=body)
    assert (sent.status_code, sent.json()) == (201, {"outcome": "sent", "chat": True, "mail": False})
    assert (await client.post(f"{USER}/messages", json=body)).status_code == 200
    error_of(await client.post(f"{USER}/messages", json={**body, "text": "another"}), 409)
    for number in range(MOST_MESSAGES_A_DAY - 1):
        await client.post(f"{USER}/messages", json={**body, "idempotency_key": str(number)})
    refused = error_of(await client.post(f"{USER}/messages", json={**body, "idempotency_key": "more"}), 429)
    assert refused["type"] == "too_many_messages"


@pytest.mark.parametrize("text", ["", " \n ", "a\x00b", "a\x1bb", "x" * 1001, 5])
async def test_a_message_is_plain_text(client: httpx.AsyncClient, text: object) -> None:
    await make_account(client)
    error_of(await client.post(f"{USER}/messages", json={"text": text, "idempotency_key": "m"}), 400)


async def test_nobody_is_written_to_who_cannot_be_reached(client: httpx.AsyncClient) -> None:
    await make_account(client)
    body = {"text": "Olá", "idempotency_key": "m", "chat": False, "mail": True}
    assert error_of(await client.post(f"{USER}/messages", json=body), 409)["type"] == "user_unreachable"


async def test_users_say_how_they_want_to_be_told(client: httpx.AsyncClient, ledger: MemoryLedger) -> None:
    before = (await client.get(f"{MINE}/preferences", headers=MARIA)).json()
    assert before == {"locale": "pt_BR", "mails": True, "chat_notices": True}
    changed = await client.put(f"{MINE}/preferences", json={"locale": "en", "chat_notices": False}, headers=MARIA)
    assert changed.json() == {"locale": "en", "mails": True, "chat_notices": False}
    assert (await client.get(f"{USER}/preferences")).json() == changed.json()
    assert (await ledger.trail.records())[0].actor == "user:maria"
    assert (await client.put(f"{USER}/preferences", json={"mails": False, "reason": "asked"})).json()["mails"] is False
    assert (await ledger.trail.records())[0].actor == "admin:boss"
    for body in ({"locale": "de"}, {"mails": None}, {"mails": "yes"}, {"reason": "x"}):
        error_of(await client.put(f"{MINE}/preferences", json=body, headers=MARIA), 400)


async def test_all_that_is_known_is_one_document_however_much_it_is(
    client: httpx.AsyncClient, ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PAGE", 2)
    await make_account(client, email="maria@example.org")
    for number in range(5):
        await use(ledger, 10)
        grant = {"tokens": 5, "reason": "bonus", "idempotency_key": str(number)}
        await client.post(f"{USER}/credits", json=grant)
    await client.post(f"{MINE}/requests", json={"tokens": 7, "reason": "a report"}, headers=MARIA)

    response = await client.get(f"{MINE}/export", headers=MARIA)

    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    document = ExportAnswer.model_validate(response.json())
    assert document.complete
    assert document.account.email == "maria@example.org"
    assert [entry.number for entry in document.entries] == list(range(11, 0, -1))
    assert (len(document.lots), len(document.requests), document.usage[0].charge) == (5, 1, 50)
    assert {event.kind for event in document.events} >= {"account.created", "credit.granted"}
    assert "admin:boss" not in response.text
    whole = await client.get(f"{USER}/export", headers=ADMIN)
    assert "admin:boss" in whole.text
    assert json.loads(whole.text)["account"]["id"] == "user:maria"
    error_of(await client.get(f"{USER}/export", headers=MARIA), 403)
