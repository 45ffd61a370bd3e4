"""PostgreSQL away, as users of a stock proxy meet it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.testing import fresh_database, stock_proxy
from solaris_hooks.ledger.journal.adoption import journals
from tests.chaos.server import Server, mortal_server
from tests.e2e.world import World, sim, until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with mortal_server(tmp_path_factory.mktemp("mortal")) as running:
        yield running


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("journal")


@pytest.fixture(scope="module")
def open_world(
    config: dict[str, object],
    server: Server,
    journal: Path,
    provider_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    url = fresh_database(server.postgres, with_litellm_tables=True)
    settings = {"when_database_is_away": "fail_open", "journal_dir": str(journal), "pool_timeout_seconds": 1.0}
    with stock_proxy(
        {**config, "solaris_settings": settings},
        database_url=url,
        folder=tmp_path_factory.mktemp("outage"),
        provider_url=provider_url,
    ) as proxy:
        yield World(proxy, url, provider_url)


def test_with_fail_open_chats_go_on_without_postgresql_and_are_booked_once_when_it_is_back(
    server: Server, open_world: World, journal: Path
) -> None:
    user, stranger = open_world.user(), open_world.user()
    said = sim(prompt_tokens=20, completion_tokens=10, label=user.name)
    assert user.chat(said).status_code == 200
    server.stop()
    for _ in range(3):
        answer = user.chat(said)
        assert answer.status_code == 200, answer.text
    assert int(answer.headers["x-solaris-quota-remaining"]) <= 1_000_000 - 3 * 30
    with user.stream(said) as streamed:
        assert streamed.status_code == 200
        assert '"finish_reason":"stop"' in streamed.read().decode().replace(" ", "")
    # Whose key it is, LiteLLM itself cannot say.
    assert stranger.chat(said).status_code >= 400
    assert len(journals(journal)) == 1
    server.start()
    until(lambda: len(user.usage()) >= 5 and user.held == 0, seconds=60)
    booked = user.usage()
    assert [row["source"] for row in booked] == ["provider"] * 5
    assert user.used == open_world.served(user.name)["total_tokens"] == 5 * 30
    until(lambda: journals(journal) == [])
    assert user.chat(said).status_code == 200
    user.settled(6)
