"""A stock proxy of several worker processes: the same answers as with one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import psutil
import pytest

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.testing import StockProxy, fresh_database, stock_proxy
from tests.e2e.test_two_proxies import TOKENS_EACH, burst
from tests.e2e.world import World, until
from tests.pgbouncer import knows_prepared_statements, pgbouncer

ROOM = 50


@pytest.fixture(scope="module", params=["uvicorn", "gunicorn, behind PgBouncer"])
def several(
    request: pytest.FixtureRequest,
    config: dict[str, object],
    postgres: EmbeddedPostgres,
    provider_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[World, StockProxy]]:
    url = fresh_database(postgres, with_litellm_tables=True)
    settings: dict[str, object] = {"hold_wait_seconds": 2}
    # Uvicorn ends a worker that is silent for 5 s, and LiteLLM takes longer to start on a busy machine.
    options, env = ["--num_workers", "2", "--timeout_worker_healthcheck", "120"], {}
    with ExitStack() as stack:
        if request.param != "uvicorn":
            prepares = knows_prepared_statements()
            bouncer = stack.enter_context(pgbouncer(url, tmp_path_factory.mktemp("bouncer"), prepares=prepares))
            # LiteLLM itself stays on the server: Prisma's engine prepares statements in a way of its own.
            env["SOLARIS_DATABASE_URL"] = bouncer.url
            settings["prepared_statements"] = prepares
            options = ["--num_workers", "2", "--run_gunicorn"]
        proxy = stack.enter_context(
            stock_proxy(
                {**config, "solaris_settings": settings},
                database_url=url,
                folder=tmp_path_factory.mktemp("several"),
                provider_url=provider_url,
                env=env,
                options=options,
            )
        )
        yield World(proxy, url, provider_url), proxy


async def test_workers_spend_no_more_than_one_would(several: tuple[World, StockProxy]) -> None:
    world, proxy = several
    workers = [
        each for each in psutil.Process(proxy.pid).children() if "resource_tracker" not in "".join(each.cmdline())
    ]
    assert len(workers) >= 2
    user = world.user(tokens=ROOM * TOKENS_EACH)
    for _ in range(20):
        # Each worker keeps keys of its own, and LiteLLM answers 503 to some of a burst whose key it must look up.
        with proxy.client(user.key) as client:
            client.get("/v1/models").raise_for_status()
    statuses = await burst(user, [proxy], label=user.name)
    until(lambda: user.held == 0)
    account = user.account
    assert set(statuses) <= {200, 402, 429}, statuses
    assert statuses[200] >= 40, statuses
    assert account["overage"] == 0
    assert account["allowance_used"] <= account["allowance_granted"] == ROOM * TOKENS_EACH
    user.require_what_the_provider_says(answered=statuses[200])
    assert world.rows("SELECT * FROM solaris.holds WHERE account_id = %s", user.account_id) == []
