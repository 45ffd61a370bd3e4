"""Streams whose holds follow them, and end as at their limit where the account does, through the stock proxy."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.world import User, World, sim, until

PLAIN = " one two three four five six seven eight nine ten"
"""Each word is one token to the simulated provider and to ours."""


def read(user: User, messages: list[dict[str, Any]], **body: Any) -> tuple[list[dict[str, Any]], str]:
    """Chunks of a stream, and its last line."""
    with user.stream(messages, **body) as answer:
        assert answer.status_code == 200, answer.read()
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line]
    return [json.loads(line) for line in lines[:-1]], lines[-1]


def text(chunks: list[dict[str, Any]]) -> str:
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


def test_a_stream_without_a_limit_leaves_tokens_to_its_neighbours(world: World) -> None:
    user = world.user(tokens=20_000)
    with user.stream(sim(completion_tokens=40, chunk_delay_ms=50)) as answer:
        until(lambda: user.held > 0)
        assert user.held < 2_000, "the model could answer with 4,096 tokens"
        answer.read()
    assert len(user.settled()) == 1


def test_a_long_stream_grows_its_hold_and_is_booked_exactly(world: World) -> None:
    user = world.user(tokens=10_000)
    chunks, last = read(user, sim(prompt_tokens=20, completion_tokens=3_000))
    assert last == "[DONE]"
    assert len(text(chunks).split()) == 3_000
    (row,) = user.settled()
    assert (row["charge"], row["source"]) == (3_020, "provider")
    assert row["held"] >= 3_020


def test_a_stream_ends_by_its_limit_when_the_account_has_no_more(world: World) -> None:
    """Its cap is what remained when it began; the provider ends it and reports."""
    user = world.user(tokens=1_000)
    directive = json.dumps({"prompt_tokens": 20, "completion_tokens": 3_000, "text": PLAIN})
    chunks, last = read(user, [{"role": "user", "content": f"hello #sim {directive}"}])
    assert last == "[DONE]"
    assert [choice["finish_reason"] for choice in chunks[-1]["choices"]] == ["length"]
    (row,) = user.settled()
    assert row["source"] == "provider"
    assert 900 <= row["charge"] <= 1_000
    assert user.account["overage"] == 0


def test_a_stream_is_cut_when_its_provider_ignores_the_cap(world: World) -> None:
    user = world.user(tokens=1_000)
    messages = sim(prompt_tokens=20, completion_tokens=3_000, ignore_cap=True, chunk_delay_ms=1, label=user.name)
    chunks, last = read(user, messages)
    assert last == "[DONE]"
    assert [choice["finish_reason"] for choice in chunks[-1]["choices"]] == ["length"]
    (row,) = user.settled()
    assert row["source"] == "estimate", "the provider was cut off before it could report"
    assert 800 <= row["charge"] <= 1_000
    assert user.account["overage"] == 0
    until(lambda: world.served(user.name)["unfinished_streams"] == 1)


def test_neither_of_two_streams_uses_what_the_other_holds(world: World) -> None:
    user = world.user(tokens=2_000)
    endless = sim(prompt_tokens=20, completion_tokens=3_000, ignore_cap=True, chunk_delay_ms=1)
    with user.stream(endless) as one, user.stream(endless) as other:
        for answer in (one, other):
            assert "length" in answer.read().decode()
    rows = user.settled(2)
    assert 1_600 <= sum(row["charge"] for row in rows) <= 2_000
    assert user.account["overage"] == 0


def test_a_stream_of_a_suspended_account_gets_no_more_than_it_holds(world: World) -> None:
    user = world.user(tokens=100_000)
    with user.stream(sim(prompt_tokens=20, completion_tokens=4_000, chunk_delay_ms=1)) as answer:
        until(lambda: user.held > 0)
        with world.proxy.client() as admin:
            change = {"status": "suspended", "status_reason": "unpaid"}
            admin.put(f"/solaris/api/v1/accounts/{user.account_id}", json=change).raise_for_status()
        assert "length" in answer.read().decode()
    (row,) = user.settled()
    assert row["charge"] < 4_000
    assert row["overage"] == 0
