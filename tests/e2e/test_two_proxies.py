"""Several stock proxies over one database: the same answers as with one."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.testing import StockProxy, fresh_database, stock_proxies
from tests.e2e.world import User, World, sim, until

REQUESTS = 200
TOKENS_EACH = 100


@pytest.fixture(scope="module")
def pair(
    config: dict[str, object], postgres: EmbeddedPostgres, provider_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, Sequence[StockProxy]]]:
    url = fresh_database(postgres, with_litellm_tables=True)
    # Short leases, so that what a killed proxy held comes back within the test.
    impatient = {
        **config,
        "general_settings": {"cancel_on_disconnect": True},
        "solaris_settings": {"hold_wait_seconds": 2, "hold_lease_seconds": 15, "sweep_interval_seconds": 1},
    }
    folder = tmp_path_factory.mktemp("pair")
    with stock_proxies(2, impatient, database_url=url, folder=folder, provider_url=provider_url) as proxies:
        yield World(proxies[0], url, provider_url), proxies


async def burst(user: User, proxies: Sequence[StockProxy], label: str) -> Counter[int]:
    """All requests at once, half of them streams, over both proxies."""
    limits = httpx.Limits(max_connections=REQUESTS)
    async with httpx.AsyncClient(timeout=120, limits=limits, trust_env=False) as client:

        async def one(number: int) -> int:
            body: dict[str, Any] = {
                "model": "demo",
                "stream": number % 2 == 0,
                "max_tokens": 80,
                "messages": sim(prompt_tokens=20, completion_tokens=80, delay_ms=20, label=label),
            }
            url = f"{proxies[number % len(proxies)].base_url}/v1/chat/completions"
            answer = await client.post(url, json=body, headers={"Authorization": f"Bearer {user.key}"})
            return answer.status_code

        return Counter(await asyncio.gather(*(one(number) for number in range(REQUESTS))))


async def test_no_account_spends_more_than_it_was_granted_under_concurrency(
    pair: tuple[World, Sequence[StockProxy]],
) -> None:
    world, proxies = pair
    user = world.user(tokens=50 * TOKENS_EACH)
    for proxy in proxies:
        # LiteLLM itself answers 503 to some of a burst whose key it has to look up in its database first.
        with proxy.client(user.key) as client:
            client.get("/v1/models").raise_for_status()
    statuses = await burst(user, proxies, label=user.name)
    until(lambda: user.held == 0)
    account = user.account
    assert set(statuses) <= {200, 402, 429}
    assert statuses[200] >= 40, statuses
    assert account["overage"] == 0
    assert account["allowance_used"] <= account["allowance_granted"] == 5000
    user.require_what_the_provider_says(answered=statuses[200])
    assert world.rows("SELECT * FROM solaris.holds WHERE account_id = %s", user.account_id) == []


async def test_what_a_killed_proxy_held_comes_back_and_is_booked_as_estimated(
    pair: tuple[World, Sequence[StockProxy]],
) -> None:
    world, proxies = pair
    user = world.user(tokens=100_000)
    body = {"model": "demo", "messages": sim(prompt_tokens=20, completion_tokens=10, delay_ms=60_000)}
    async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
        doomed = asyncio.create_task(
            client.post(
                f"{proxies[1].base_url}/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {user.key}"}
            )
        )
        await asyncio.to_thread(until, lambda: user.held > 0)
        proxies[1].kill()
        with pytest.raises(httpx.HTTPError):
            await doomed
    # The other proxy sweeps, though nobody asks it anything.
    await asyncio.to_thread(until, lambda: user.held == 0, seconds=60)
    swept = [row for row in user.usage() if row["source"] == "sweep"]
    assert len(swept) == 1
    assert swept[0]["charge"] > 0


def test_a_client_that_leaves_cancels_the_call_and_pays_nothing_where_litellm_does_so(
    pair: tuple[World, Sequence[StockProxy]],
) -> None:
    """LiteLLM's ``cancel_on_disconnect``: the provider's connection is closed before it answers."""
    world, _proxies = pair
    user = world.user(tokens=100_000)
    body = {"model": "demo", "messages": sim(completion_tokens=10, delay_ms=8000, label=user.name)}
    with world.proxy.client(user.key, seconds=1) as client, pytest.raises(httpx.TimeoutException):
        client.post("/v1/chat/completions", json=body)
    until(lambda: world.served(user.name).get("unfinished_answers") == 1)
    until(lambda: user.held == 0)
    assert user.used == 0
    assert len(user.usage("released")) == 1
