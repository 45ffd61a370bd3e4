"""The proxies that are compared: the same stock LiteLLM, the same config but for one thing."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import yaml

from deploy.local.checkout import ROOT, say
from deploy.local.errors import LocalError
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.processes import wait_until
from deploy.local.testing import StockProxy, fresh_database, start_stock_proxy

from .machine import cpu_by_kind

_PATIENT = {"TIMEOUT_WORKER_HEALTHCHECK": "120"}
"""Uvicorn ends a worker that is silent for five seconds, and importing LiteLLM six times over takes longer."""
_AS_INSTALLED = {"PYTHONDONTWRITEBYTECODE": ""}
"""LiteLLM tries an import with every request, which fails where OpenTelemetry's SDK is not installed. Without bytecode
it is compiled each time: 4 ms that a server in use does not spend, and that would make any plugin look cheap."""
AMPLE_TOKENS = 1_000_000_000_000
PLUGIN = "solaris_hooks.plugin.proxy_handler"
_BOOKED = "SELECT (SELECT count(*) FROM solaris.usage WHERE status = 'settled'), (SELECT count(*) FROM solaris.holds)"
_BOOKED_SECONDS = 20.0
_KEYS_SECONDS = 7200
_AMPLE_DOLLARS = 1_000_000
_PRICES = {"input_cost_per_token": 1e-6, "output_cost_per_token": 4e-6}
"""LiteLLM's budgets reserve nothing for a model without a price. All contenders get it."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to run the proxy.

    Attributes:
        name: as the tables call it.
        callbacks: what LiteLLM's ``callbacks`` names.
        budgets: each key and each user has a ``max_budget`` of LiteLLM's own, an ample one.
    """

    name: str
    callbacks: tuple[str, ...] = ()
    budgets: bool = False


STOCK = Contender("without the plugin")
SOLARIS = Contender("with the plugin", (PLUGIN,))
NATIVE = Contender("with LiteLLM's own budgets", budgets=True)
"""What an operator would use instead."""
IDLE = Contender("with hooks that do nothing", ("tests.benchmarks.idle_hooks.handler",))
"""Tells apart what LiteLLM spends on any plugin from what this one spends."""


@dataclass(frozen=True, slots=True)
class Running:
    """A contender's proxy, with a key for each of its users."""

    contender: Contender
    proxy: StockProxy
    database_url: str
    keys: Sequence[str]

    def cpu_seconds(self) -> dict[str, float]:
        """CPU seconds so far of the ``proxy`` and of Prisma's ``engine`` below it."""
        return {"proxy": 0.0, "engine": 0.0} | cpu_by_kind(self.proxy.pid, kind_of_process)

    def require_booked(self, requests: int) -> None:
        """Make sure that the plugin, where there is one, did its work: each request booked, nothing held.

        Raises:
            LocalError: it did not.
        """
        if PLUGIN not in self.contender.callbacks:
            return
        found: tuple[object, ...] | None = None
        with psycopg.connect(self.database_url, autocommit=True) as connection:

            def booked() -> bool:
                nonlocal found
                found = connection.execute(_BOOKED).fetchone()
                return found == (requests, 0)

            if not wait_until(booked, _BOOKED_SECONDS):
                raise LocalError(f"of {requests} requests (booked, held) are {found}", "see the proxy's log")
        say(f"the plugin booked each of the {requests} requests that it let pass")


def kind_of_process(command_line: str) -> str:
    """What a process below a proxy is: Prisma's ``engine``, or the ``proxy`` itself or one of its workers."""
    return "engine" if "query-engine" in command_line else "proxy"


def config_of(contender: Contender) -> dict[str, Any]:
    """The project's own config with a contender's callbacks, and the demo model alone."""
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "litellm_config.yaml").read_text("utf-8"))
    config = copy.deepcopy(loaded)
    config["model_list"] = [model for model in config["model_list"] if model["model_name"] == "demo"]
    for model in config["model_list"]:
        model["model_info"] |= _PRICES
    config["litellm_settings"]["callbacks"] = list(contender.callbacks)
    # Keys stay in LiteLLM's memory: while a hundred of them expire at once, only their reading would be measured.
    config["general_settings"]["user_api_key_cache_ttl"] = _KEYS_SECONDS
    if PLUGIN not in contender.callbacks:
        config.pop("solaris_settings", None)
    return config


@contextlib.contextmanager
def running(
    contenders: Sequence[Contender],
    *,
    server: EmbeddedPostgres,
    provider_url: str,
    folder: Path,
    users: int,
    workers: int = 1,
) -> Iterator[Sequence[Running]]:
    """Run a proxy for each, side by side, each on a database of its own in one server."""
    with contextlib.ExitStack() as stack:
        proxies = []
        for number, contender in enumerate(contenders):
            database_url = fresh_database(server, with_litellm_tables=True)
            proxy = start_stock_proxy(
                config_of(contender),
                database_url=database_url,
                folder=folder / f"proxy-{number}",
                provider_url=provider_url,
                env={"PYTHONPATH": str(ROOT), "NUM_WORKERS": str(workers), **_PATIENT, **_AS_INSTALLED},
            )
            stack.callback(proxy.stop)
            proxies.append((contender, proxy, database_url))
        started = []
        for contender, proxy, database_url in proxies:
            proxy.wait_ready()
            if PLUGIN in contender.callbacks:
                _fill_up(proxy)
            keys = [_key(proxy, contender, f"bench-{number}") for number in range(users)]
            started.append(Running(contender, proxy, database_url, keys))
        yield started


def _key(proxy: StockProxy, contender: Contender, user: str) -> str:
    key = proxy.new_key(user)
    if contender.budgets:
        with proxy.client() as admin:
            budget = {"max_budget": _AMPLE_DOLLARS}
            admin.post("/user/update", json={"user_id": user, **budget}).raise_for_status()
            admin.post("/key/update", json={"key": key, **budget}).raise_for_status()
    return key


def _fill_up(proxy: StockProxy) -> None:
    with proxy.client() as admin:
        plan = {"monthly_tokens": AMPLE_TOKENS}
        admin.put("/solaris/api/v1/plans/default", json=plan).raise_for_status()
