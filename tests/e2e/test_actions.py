"""What an administrator does to accounts, and what becomes of the chats of their users."""

from __future__ import annotations

from typing import Any

import httpx

from tests.e2e.test_chat_notices import chat, text_of
from tests.e2e.world import User, World, sim

API = "/solaris/api/v1"


def post(world: World, path: str, **body: Any) -> dict[str, Any]:
    with world.proxy.client() as admin:
        answer: httpx.Response = admin.post(f"{API}{path}", json=body)
    assert answer.status_code < 300, answer.text
    found: dict[str, Any] = answer.json()
    return found


def verified(world: World, user: User) -> None:
    assert post(world, "/ledger/verify", account_id=user.account_id)["flaws"] == []


def test_a_message_is_told_once_as_it_was_written(world: World) -> None:
    user = world.user(tokens=10_000)
    text = "No *sábado* paramos das 8h às 9h."
    sent = post(world, f"/accounts/{user.account_id}/messages", text=text, idempotency_key="m")
    assert sent == {"outcome": "sent", "chat": True, "mail": False}
    said = text_of(chat(user, sim(prompt_tokens=5, completion_tokens=5)))
    assert r"> Mensagem do administrador: No \*sábado\* paramos das 8h às 9h." in said
    assert "> " not in text_of(chat(user, sim(prompt_tokens=5, completion_tokens=5)))


def test_whoever_used_up_everything_goes_on_after_a_reset(world: World) -> None:
    user = world.user(tokens=500)
    chat(user, sim(prompt_tokens=20, completion_tokens=4000, ignore_cap=True))
    assert user.chat(sim(prompt_tokens=5, completion_tokens=5)).status_code == 402
    reset = post(world, f"/accounts/{user.account_id}/reset", reason="our failure", idempotency_key="r")
    assert reset["account"]["allowance"]["used"] == 0
    said = text_of(chat(user, sim(prompt_tokens=5, completion_tokens=5)))
    assert "> Seu uso foi zerado: você tem " in said
    verified(world, user)


def test_the_key_of_a_merged_account_is_paid_for_by_the_other(world: World) -> None:
    old, new = world.user(tokens=10_000), world.user(tokens=10_000)
    old.chat(sim(prompt_tokens=20, completion_tokens=30))
    old.settled()
    new.chat(sim(prompt_tokens=5, completion_tokens=5))
    new.settled()
    post(world, f"/accounts/{old.account_id}/credits", tokens=700, reason="bought", idempotency_key="c")
    body = {"into": new.account_id, "reason": "one person", "idempotency_key": "m"}
    tried = post(world, f"/accounts/{old.account_id}/merge", **body, dry_run=True)
    assert (tried["credits"], tried["lapsed"]) == (700, 9950)
    assert post(world, f"/accounts/{old.account_id}/merge", **body, dry_run=False)["credits"] == 700

    for calls in (2, 3):  # found out at the first request, then remembered
        answer = old.chat(sim(prompt_tokens=20, completion_tokens=30))
        assert answer.status_code == 200, answer.text
        assert [row["charge"] for row in new.settled(calls)[1:]] == [50] * (calls - 1)
    streamed = text_of(chat(old, sim(prompt_tokens=20, completion_tokens=30)))
    assert streamed
    new.settled(4)
    assert old.used == 50
    with world.proxy.client(old.key) as client:
        mine = client.get(f"{API}/me").json()
        assert (mine["id"], mine["credits"]["remaining"]) == (new.account_id, 700)
        assert client.get(f"{API}/me/export").json()["complete"] is True
    balance = old.chat([{"role": "user", "content": "/saldo"}]).json()["choices"][0]["message"]["content"]
    assert "700" in balance
    verified(world, old)
    verified(world, new)
