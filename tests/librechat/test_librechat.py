"""What happens in a chat, as LibreChat's LLM client library asks for it and as its user reads it."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.e2e.routes import directive
from tests.e2e.world import User, World, until
from tests.librechat.library import Library, Refused

LONGEST_SHOWN = 240
"""Characters of an error that LibreChat shows whole, in every release that was looked at."""


def require_readable(refused: Refused | None) -> str:
    """What the user reads of a refusal; it must fit what LibreChat shows, and look like no JSON to it."""
    assert refused is not None
    said = refused.message
    assert said.startswith("402 ")
    assert len(said) <= LONGEST_SHOWN
    assert "\n" not in said
    assert "{" not in said
    return said


def test_a_chat_reaches_the_user_and_is_booked_to_the_token(world: World, librechat: Library) -> None:
    user = world.user(tokens=1_000_000)
    _, turn = librechat.chat(user.key, directive("Olá", label=user.name, prompt_tokens=100, completion_tokens=40))
    assert turn.end().refused is None
    assert len(turn.pieces) > 2
    assert turn.text == turn.result
    assert [(row["charge"], row["source"]) for row in user.settled()] == [(140, "provider")]
    (sent,) = world.bodies(user.name)
    assert sent["stream"] is True
    assert "max_tokens" not in sent


def test_a_new_chat_is_an_answer_and_a_title_both_booked_to_its_user(world: World, librechat: Library) -> None:
    user = world.user(tokens=1_000_000)
    question = directive("Olá", label=user.name, prompt_tokens=100, completion_tokens=40)
    _, turn = librechat.chat(user.key, question)
    titled = librechat.title(user.key, question, turn.end().text)
    assert titled.refused is None
    assert titled.result
    assert len(user.settled(2)) == 2
    user.require_what_the_provider_says(answered=2)


def test_a_refusal_is_one_line_that_librechat_shows_whole(world: World, librechat: Library) -> None:
    user = world.user(tokens=1)
    _, turn = librechat.chat(user.key, directive("palavra " * 50, label=user.name))
    said = require_readable(turn.end().refused)
    assert "não cobre este pedido" in said
    assert re.search(r"\d\d/\d\d/\d{4}", said), "it says when the tokens renew"
    assert turn.text == ""
    assert world.bodies(user.name) == []
    assert (user.used, user.held) == (0, 0)


def test_a_title_that_is_refused_costs_nothing(world: World, librechat: Library) -> None:
    user = world.user(tokens=1)
    titled = librechat.title(user.key, directive("palavra " * 50, label=user.name), "resposta")
    require_readable(titled.refused)
    assert world.bodies(user.name) == []
    assert (user.used, user.held) == (0, 0)


def test_a_suspended_user_reads_why(world: World, librechat: Library) -> None:
    user = world.user(tokens=1_000_000)
    with world.proxy.client() as admin:
        change = {"status": "suspended", "status_reason": "fatura vencida"}
        admin.put(f"/solaris/api/v1/accounts/{user.account_id}", json=change).raise_for_status()
    _, turn = librechat.chat(user.key, "Olá")
    refused = turn.end().refused
    assert refused is not None
    assert "fatura vencida" in refused.message
    assert len(refused.message) <= LONGEST_SHOWN


def test_an_answer_that_uses_the_last_tokens_ends_and_what_was_written_stays(world: World, librechat: Library) -> None:
    user = world.user(tokens=600)
    endless = directive("Olá", label=user.name, completion_tokens=5000, ignore_cap=True, chunk_delay_ms=1)
    _, turn = librechat.chat(user.key, endless)
    assert turn.end().refused is None
    assert len(turn.text) > 100
    (row,) = user.settled()
    assert row["charge"] <= 600
    assert user.account["overage"] == 0


def test_a_provider_that_dies_leaves_what_was_written(world: World, librechat: Library) -> None:
    user = world.user(tokens=1_000_000)
    broken = directive("Olá", label=user.name, completion_tokens=400, die_after_chunks=30, chunk_delay_ms=5)
    _, turn = librechat.chat(user.key, broken)
    turn.end()
    assert turn.text
    (row,) = user.settled()
    assert row["source"] == "estimate"
    assert 0 < row["charge"] < 500


def test_a_user_who_presses_stop_pays_for_what_he_read(world: World, librechat: Library) -> None:
    user = world.user(tokens=1_000_000)
    slow = directive("Olá", label=user.name, completion_tokens=3000, chunk_delay_ms=5)
    turn_id, turn = librechat.chat(user.key, slow)
    for _ in range(20):
        turn.piece()
    librechat.leave(turn_id)
    turn.end()
    (row,) = user.settled()
    assert row["source"] == "estimate"
    assert 20 <= row["charge"] < 3000


@pytest.mark.parametrize("method", ["completion", "functions", "structured"])
def test_a_command_and_the_title_of_its_chat_are_answered_at_no_cost(
    world: World, librechat: Library, method: str
) -> None:
    user = world.user(tokens=1000)
    _, turn = librechat.chat(user.key, "/saldo")
    assert turn.end().refused is None
    assert "| Concedidos | 1.000 |" in turn.text.splitlines(), "a table of Markdown, each row a line of its own"
    titled = librechat.title(user.key, "/saldo", turn.text, method=method)
    assert titled.result == "Saldo"
    assert (user.usage(), user.used, user.held) == ([], 0, 0)


def test_a_threshold_is_told_once_at_the_end_of_the_answer_and_in_no_title(world: World, librechat: Library) -> None:
    user = world.user(tokens=4000)
    # In English: the simulated provider counts a word as a token, which Portuguese words are not.
    question = directive("hello", label=user.name, prompt_tokens=80, completion_tokens=3200)
    _, turn = librechat.chat(user.key, question)
    assert turn.end().refused is None
    answer, _, notice = turn.text.rpartition("\n\n> ")
    assert answer
    assert notice.startswith("Você já usou 82% dos seus tokens: restam 720 até ")
    assert "\n" not in notice
    assert [row["charge"] for row in user.settled()] == [3280]
    titled = librechat.title(user.key, directive("Olá", prompt_tokens=5, completion_tokens=5), answer[:200])
    assert titled.result
    assert "Você já usou" not in titled.result
    _, again = librechat.chat(user.key, directive("Olá", prompt_tokens=5, completion_tokens=5))
    assert "Você já usou" not in again.end().text


def test_an_answer_that_its_account_ends_says_so_beneath_what_was_written(world: World, librechat: Library) -> None:
    user = world.user(tokens=900)
    endless = directive("Olá", prompt_tokens=20, completion_tokens=4000, ignore_cap=True, chunk_delay_ms=1)
    _, turn = librechat.chat(user.key, endless)
    assert turn.end().refused is None
    assert "\n\n> Esta resposta terminou aqui porque seus tokens acabaram" in turn.text


def test_credits_are_asked_for_in_the_chat_and_the_next_answer_says_what_became_of_it(
    world: World, librechat: Library
) -> None:
    user = world.user(tokens=4000)
    _, turn = librechat.chat(user.key, "/creditos 200000 projeto X")
    assert turn.end().refused is None
    assert "200.000" in turn.text
    (request,) = world.rows("SELECT * FROM solaris.credit_requests WHERE account_id = %s", user.account_id)
    assert (request["tokens"], request["reason"]) == (200_000, "projeto X")
    with world.proxy.client() as admin:
        path = f"/solaris/api/v1/requests/{request['request_id']}/approve"
        admin.post(path, json={"reason": "ok"}).raise_for_status()
    _, told = librechat.chat(user.key, directive("Olá", prompt_tokens=5, completion_tokens=5))
    assert "200.000" in told.end().text
    assert user.settled()[0]["charge"] == 10


def test_a_command_is_answered_when_all_is_spent(world: World, librechat: Library) -> None:
    user = world.user(tokens=1)
    _, turn = librechat.chat(user.key, "/ajuda")
    assert turn.end().refused is None
    assert "/creditos" in turn.text


@pytest.mark.parametrize("way", ["keys", "service"])
def test_two_users_at_once_each_pay_for_their_own(world: World, librechat: Library, way: str) -> None:
    turns_each = 8
    users = [world.user(tokens=1_000_000), world.user(tokens=1_000_000)]
    if way == "service":
        with world.proxy.client() as admin:
            key = admin.post("/key/generate", json={"metadata": {"solaris_trusted_service": True}}).json()["key"]
    plans = [(users[number % 2], 100 + number) for number in range(2 * turns_each)]

    def chat(planned: tuple[User, int]) -> None:
        user, tokens = planned
        question = directive("Olá", label=user.name, prompt_tokens=tokens, completion_tokens=40)
        headers = {"x-librechat-user-id": user.name, "x-litellm-end-user-id": f"{user.name}@example.org"}
        _, turn = librechat.chat(
            key if way == "service" else user.key, question, headers=headers if way == "service" else None
        )
        assert turn.end().refused is None

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(chat, plans))
    for user in users:
        account = f"end_user:{user.name}" if way == "service" else user.account_id
        expected = sum(tokens + 40 for planned, tokens in plans if planned is user)
        until(partial(is_booked, world, account, expected))
        assert world.served(user.name)["total_tokens"] == expected


def is_booked(world: World, account: str, tokens: int) -> bool:
    """Whether an account has used so many tokens, and holds none."""
    (row,) = world.rows("SELECT allowance_used, held FROM solaris.accounts WHERE account_id = %s", account)
    return (row["allowance_used"], row["held"]) == (tokens, 0)
