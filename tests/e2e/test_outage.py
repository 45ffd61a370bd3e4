"""PostgreSQL away, as users of a stock proxy meet it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.local.testing import fresh_database, stock_proxy
from solaris_hooks.ledger.journal.adoption import journals
from tests.chaos.server import Server, mortal_server
from tests.e2e.world import World, sim, until
from tests.integration.web.asking import ADMIN


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
    signed_in = sign_in(open_world)
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
    sees_health(open_world, signed_in)
    server.start()
    until(lambda: len(user.usage()) >= 5 and user.held == 0, seconds=60)
    booked = user.usage()
    assert [row["source"] for row in booked] == ["provider"] * 5
    assert user.used == open_world.served(user.name)["total_tokens"] == 5 * 30
    until(lambda: journals(journal) == [])
    assert user.chat(said).status_code == 200
    user.settled(6)


def sign_in(open_world: World) -> str:
    """An administrator's session; returns its cookie, which travels over https alone."""
    with httpx.Client(base_url=open_world.proxy.base_url, timeout=30) as browser:
        answer = browser.post(f"{ADMIN}/sign-in", data={"key": open_world.proxy.master_key})
        assert answer.status_code == 303, answer.text
        return "; ".join(f"{each.name}={each.value}" for each in browser.cookies.jar)


def sees_health(open_world: World, cookie: str) -> None:
    """Who was signed in sees health while the database is away, as does who has the master key; others do not."""
    with httpx.Client(base_url=open_world.proxy.base_url, timeout=30, headers={"accept-language": "en"}) as browser:
        overview = browser.get(ADMIN, headers={"cookie": cookie})
        assert overview.status_code == 503
        assert f'href="{ADMIN}/health"' in overview.text
        health = browser.get(f"{ADMIN}/health", headers={"cookie": cookie})
        assert health.status_code == 200
        assert "The database cannot be reached." in health.text
        assert "1 files wait on this machine" in health.text, "the journal of what was used meanwhile"
        asked = browser.get(f"{ADMIN}/health")
        assert (asked.status_code, 'name="key"' in asked.text) == (503, True)
        by_key = browser.post(f"{ADMIN}/health", data={"key": open_world.proxy.master_key})
        assert (by_key.status_code, "Versions" in by_key.text) == (200, True)
        assert "set-cookie" not in by_key.headers
        refused = browser.post(f"{ADMIN}/health", data={"key": "sk-wrong"})
        assert refused.status_code in {403, 503}, "LiteLLM cannot know other keys without its database"
        assert "Versions" not in refused.text
