"""LiteLLM's real logs against the real books, through the real command."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from solaris_hooks.cli.main import run
from tests.e2e.world import World, sim, until


def test_real_calls_reconcile_without_anything_unexplained(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", world.database_url)
    user = world.user(tokens=100_000)
    chats: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"prompt_tokens": 50, "cached_tokens": 20, "completion_tokens": 7}, {}),
        ({"prompt_tokens": 40, "completion_tokens": 9}, {"metadata": {"status": "failure"}}),
        ({"omit_usage": True}, {}),
        ({"status": 400}, {}),
    ]
    for directive, body in chats:
        user.chat(sim(**directive), **body)
    for directive in ({"prompt_tokens": 30, "completion_tokens": 5}, {"omit_usage": True}):
        with user.stream(sim(**directive)) as answer:
            list(answer.iter_lines())
    with world.proxy.client() as admin:
        admin.post("/v1/chat/completions", json={"model": "demo", "messages": sim(label="master")}).raise_for_status()
    user.settled(5)
    today = dt.datetime.now(dt.UTC).date()
    days = ("--since", str(today - dt.timedelta(days=1)), "--until", str(today + dt.timedelta(days=1)))

    def calls(*account: str) -> dict[str, int]:
        capsys.readouterr()
        run(["reconcile", *days, *account, "--json"])
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        found: dict[str, int] = answer["calls_by_cause"]
        return found

    mine = ("--account", user.account_id)
    until(lambda: calls(*mine) == {"equal": 3, "estimated": 2, "failed": 1}, seconds=90)
    assert run(["reconcile", *days, *mine]) == 0
    until(lambda: calls().get("master_key", 0) >= 1, seconds=90)
