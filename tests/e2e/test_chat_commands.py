"""Commands in the chat, through the stock proxy: answered here, on every route, and counted nowhere."""

from __future__ import annotations

import re
from typing import Any

import anthropic
import httpx
import openai
import pytest

from tests.e2e.world import User, World, sim, until

COMPLETION = "Provide a concise title for the conversation. Only return the title itself.\n\nConversation:\n"


def say(user: User, text: str, **more: Any) -> str:
    answer = user.chat([{"role": "user", "content": text}], **more)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-solaris-answer"] == "command"
    said: str = answer.json()["choices"][0]["message"]["content"]
    return said


def litellms_logs(user: User) -> list[dict[str, Any]]:
    """What LiteLLM itself has counted of a user."""
    return user.world.rows('SELECT request_id FROM "LiteLLM_SpendLogs" WHERE "user" = %s', user.name)


def test_every_route_answers_whole_and_streamed_without_a_provider(world: World) -> None:
    user = world.user(tokens=100_000)
    user.chat(sim(prompt_tokens=100, completion_tokens=400))
    (booked,) = user.settled()
    base = world.proxy.base_url
    said = {say(user, "/balance")}
    with openai.OpenAI(base_url=f"{base}/v1", api_key=user.key) as client:
        chunks = client.chat.completions.create(
            model="demo", messages=[{"role": "user", "content": "/saldo"}], stream=True
        )
        said.add("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices))
        said.add(client.responses.create(model="demo", input="/saldo").output_text)
        with client.responses.stream(model="demo", input="/saldo") as stream:
            said.add(stream.get_final_response().output_text)
    with anthropic.Anthropic(base_url=base, api_key=user.key) as messages:
        asked: Any = {"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": "/saldo"}]}
        said.add(messages.messages.create(**asked).content[0].text)
        with messages.messages.stream(**asked) as stream_of_messages:
            said.add(stream_of_messages.get_final_text())
    (text,) = {re.sub(r"token=[^)]*", "token=", each or "") for each in said}
    assert "| Usados neste período | 500 |" in text
    assert "| Concedidos | 100.000 |" in text
    assert [row["hold_id"] for row in user.settled()] == [booked["hold_id"]], "nothing else was held or booked"
    user.chat(sim(prompt_tokens=1, completion_tokens=1))
    until(lambda: len(litellms_logs(user)) >= 2, seconds=90)
    assert len(litellms_logs(user)) == 2, "LiteLLM counts the two chats alone"


@pytest.mark.parametrize("state", ["exhausted", "suspended"])
def test_an_account_that_may_use_nothing_is_answered(world: World, state: str) -> None:
    user = world.user(tokens=1)
    if state == "suspended":
        with world.proxy.client() as admin:
            change = {"status": "suspended", "status_reason": "fatura vencida"}
            admin.put(f"/solaris/api/v1/accounts/{user.account_id}", json=change).raise_for_status()
    assert user.chat(sim("palavra " * 50)).status_code == (403 if state == "suspended" else 402)
    said = say(user, "/extrato")
    assert "A cota se renova em" in said
    assert ("fatura vencida" in said) == (state == "suspended")


def test_a_key_that_litellm_limits_is_answered_too_and_its_limits_count_nothing(quiet_world: World) -> None:
    user = quiet_world.user(tokens=100_000)
    with quiet_world.proxy.client() as admin:
        key = admin.post("/key/generate", json={"user_id": user.name, "rpm_limit": 1}).json()["key"]
    limited = User(user.name, key, quiet_world)
    for _ in range(3):
        assert "/creditos" in say(limited, "/ajuda")
    assert limited.chat(sim(prompt_tokens=1, completion_tokens=1)).status_code == 200
    assert limited.chat(sim(prompt_tokens=1, completion_tokens=1)).status_code == 429
    assert "/creditos" in say(limited, "/help")


def test_the_title_of_such_a_chat_costs_nothing_and_any_other_title_is_the_models(world: World) -> None:
    user = world.user(tokens=100_000)
    said = say(user, "/saldo")
    title = user.chat([{"role": "user", "content": f"{COMPLETION}User: /saldo\nAI: {said}"}])
    assert title.json()["choices"][0]["message"]["content"] == "Saldo"
    assert title.headers["x-solaris-answer"] == "title"
    assert user.usage() == []
    other = user.chat([{"role": "user", "content": f"{COMPLETION}User: what does /saldo do?\nAI: it tells"}])
    assert "x-solaris-answer" not in other.headers
    assert len(user.settled()) == 1


def test_unknown_commands_and_unknown_keys_are_litellms_matter(world: World) -> None:
    user = world.user(tokens=100_000)
    answer = user.chat([{"role": "user", "content": "/foo"}])
    assert "x-solaris-answer" not in answer.headers
    assert len(user.settled()) == 1
    with world.proxy.client("sk-nobody-has-this-key-0123456789") as nobody:
        body = {"model": "demo", "messages": [{"role": "user", "content": "/saldo"}]}
        assert nobody.post("/v1/chat/completions", json=body).status_code == 401


def test_the_link_in_an_answer_opens_the_users_own_statement_once(world: World) -> None:
    user = world.user(tokens=100_000)
    user.chat(sim(prompt_tokens=100, completion_tokens=400))
    said = say(user, "/saldo")
    found = re.search(r"\[Abrir o extrato\]\(https://tokens\.example\.com(/solaris/me\?token=[\w.-]+)\)", said)
    assert found is not None, said
    with httpx.Client(base_url=world.proxy.base_url, trust_env=False) as browser:
        opened = browser.get(found[1])
        assert opened.status_code == 200
        cookie = opened.headers["set-cookie"]
        assert "Secure" in cookie
        assert browser.get("/solaris/me").status_code == 401
        page = browser.get("/solaris/me", headers={"cookie": cookie.partition(";")[0]})
        assert page.status_code == 200
        assert "Restam <strong>99.500</strong> de 100.000 tokens" in page.text
        assert '<span class="share-name">demo</span>' in page.text
        assert browser.get("/solaris/static/solaris.css").status_code == 200
        assert browser.get(found[1]).status_code == 403


def test_credits_are_asked_for_in_the_chat_and_the_answer_is_told_there(world: World) -> None:
    user = world.user(tokens=100_000)
    said = say(user, "/creditos 200 mil projeto X")
    assert "Seu pedido de 200.000 tokens foi enviado ao administrador" in said
    (request,) = world.rows("SELECT * FROM solaris.credit_requests WHERE account_id = %s", user.account_id)
    assert (request["tokens"], request["reason"], request["state"]) == (200_000, "projeto X", "requested")
    assert "foi enviado" not in say(user, "/creditos 200000"), "a reason is asked for"
    assert "foi enviado" not in say(user, "/creditos 999m tudo"), "it is more than may be asked for"
    assert len(world.rows("SELECT 1 FROM solaris.credit_requests WHERE account_id = %s", user.account_id)) == 1
    world.rows(
        "SELECT solaris.decide_request_v1("
        "%s, NULL, 'approved', NULL, gen_random_uuid(), NULL, NULL, NULL, NULL, 'admin:root', NULL)",
        request["request_id"],
    )
    with openai.OpenAI(base_url=f"{world.proxy.base_url}/v1", api_key=user.key) as client:
        asked: Any = {"model": "demo", "messages": sim(prompt_tokens=1, completion_tokens=1), "stream": True}
        chunks = list(client.chat.completions.create(**asked))
    told = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert told.endswith("> Seu pedido de créditos foi aprovado: 200.000 tokens.")
