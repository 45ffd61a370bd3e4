"""What LiteLLM does, as far as this package leans on it: each of these fails when a LiteLLM release changes it."""

from __future__ import annotations

import asyncio
import datetime as dt
from importlib.metadata import version

import httpx
import pytest
from litellm.caching.dual_cache import DualCache
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy.litellm_pre_call_utils import clean_headers
from starlette.datastructures import Headers

from solaris_hooks.hooks.handler import SolarisHandler
from solaris_hooks.ledger.records import Hold
from solaris_hooks.ledger.spend_logs import LiteLLMSpendLogs
from solaris_hooks.quota.ids import AccountId, HoldId
from solaris_hooks.quota.usage import Usage
from tests.e2e.world import World, sim, until


def test_every_hook_is_defined_on_the_class_that_litellm_looks_at() -> None:
    hooks = [name for name in vars(SolarisHandler) if name.startswith("async_")]
    assert len(hooks) == 6
    for name in hooks:
        assert hasattr(CustomLogger, name), f"LiteLLM calls no {name} any more"


def test_the_supported_release_is_the_one_that_runs() -> None:
    assert version("litellm").startswith("1.106.")


def test_one_instance_serves_a_process(world: World) -> None:
    user = world.user(tokens=10_000)
    user.chat(sim(prompt_tokens=1, completion_tokens=1))
    assert len(user.settled()) == 1, "two instances would hold twice"
    assert user.usage("released") == []


def test_litellms_rate_limiter_comes_after_the_hold_which_is_then_released(quiet_world: World) -> None:
    user = quiet_world.user(tokens=100_000)
    with quiet_world.proxy.client() as admin:
        key = admin.post("/key/generate", json={"user_id": user.name, "rpm_limit": 1}).json()["key"]
    with quiet_world.proxy.client(key) as client:
        answers = [
            client.post(
                "/v1/chat/completions", json={"model": "demo", "messages": sim(prompt_tokens=5, completion_tokens=5)}
            )
            for _ in range(3)
        ]
    statuses = [answer.status_code for answer in answers]
    assert 429 in statuses
    until(lambda: user.held == 0)
    assert user.used == 10 * statuses.count(200)
    assert len(user.usage("released")) == statuses.count(429)


def test_litellm_hands_over_how_long_a_request_was() -> None:
    assert clean_headers(Headers({"Content-Length": "12", "Authorization": "Bearer sk-1"})) == {"content-length": "12"}


async def test_without_redis_litellm_forgets_requests_a_minute_when_some_65_keys_are_in_use() -> None:
    """Each keeps three entries for ten minutes: that is why tests of limits have a proxy that few keys ask."""
    cache = DualCache(default_in_memory_ttl=1)
    for number in range(3 * 67):
        await cache.async_set_cache(f"tokens {number}", 1, ttl=600)
    await cache.async_set_cache("requests of a key", 1, ttl=60)
    await cache.async_set_cache("requests of another", 1, ttl=60)
    assert await cache.async_get_cache("requests of a key") is None


def test_a_request_whose_hooks_run_twice_holds_once(quiet_world: World) -> None:
    """The rate limiter refuses a model that has a fallback: LiteLLM runs all pre-call hooks again."""
    user = quiet_world.user(tokens=100_000)
    with quiet_world.proxy.client() as admin:
        made = admin.post("/key/generate", json={"user_id": user.name, "model_rpm_limit": {"light": 1}})
    with quiet_world.proxy.client(made.json()["key"]) as client:
        body = {"model": "light", "messages": sim(prompt_tokens=5, completion_tokens=10)}
        answers = [client.post("/v1/chat/completions", json=body) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    rows = user.settled(2)
    assert [row["model"] for row in rows] == ["light", "backup"], "the second call was to have been limited"
    assert [row["charge"] for row in rows] == [15, 25]
    assert user.held == 0
    assert len(user.usage("released")) == 1, "the hold of the first run is given back at once"


def test_the_first_attempts_failure_is_not_the_end(world: World) -> None:
    user = world.user(tokens=100_000)
    messages = sim(status=500, fail_times=1, id=user.name, prompt_tokens=5, completion_tokens=5)
    assert user.chat(messages).status_code == 200
    assert [row["charge"] for row in user.settled()] == [10]
    assert user.usage("released") == []


@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_that_reports_no_usage_is_booked_by_estimate_and_marked(world: World, *, stream: bool) -> None:
    user = world.user(tokens=100_000)
    messages = sim("a question of some words", completion_tokens=30, omit_usage=True)
    if stream:
        with user.stream(messages) as answer:
            list(answer.iter_lines())
    else:
        user.chat(messages)
    (row,) = user.settled()
    assert row["source"] == "estimate"
    assert row["output_tokens"] >= 30


def test_a_client_that_leaves_before_the_answer_leaves_no_hold_behind(world: World) -> None:
    user = world.user(tokens=100_000)
    for stream in (False, True):
        with world.proxy.client(user.key, seconds=0.7) as client, pytest.raises(httpx.TimeoutException):
            client.post(
                "/v1/chat/completions",
                json={
                    "model": "demo",
                    "stream": stream,
                    "messages": sim(prompt_tokens=5, completion_tokens=5, delay_ms=1500),
                },
            )
    until(lambda: user.held == 0, seconds=60)
    assert len(user.usage()) == 2


async def test_litellms_own_logs_know_the_hold_so_that_the_sweeper_can_ask_them(world: World) -> None:
    user = world.user(tokens=100_000)
    user.chat(sim(prompt_tokens=50, cached_tokens=20, completion_tokens=7))
    (row,) = user.settled()
    now = dt.datetime.now(dt.UTC)
    lost = Hold(AccountId(user.account_id), HoldId(row["hold_id"]), "demo", 1, 1, row["held_at"], now)
    logs = LiteLLMSpendLogs(world.database_url)
    async with asyncio.timeout(90):
        while not (found := await logs.used_by([lost])):  # noqa: ASYNC110 - LiteLLM writes in batches
            await asyncio.sleep(0.5)
    assert found[lost.hold_id].usage == Usage(50, 7, cached_input_tokens=20)
    assert found[lost.hold_id].model == "demo"
