"""What tests, benchmarks and the demonstration start: a PostgreSQL of their own and stock LiteLLM proxies on it.

Typical use, in fixtures::

    with postgres_server(tmp_path_factory.mktemp("pg")) as server:      # once a session
        url = fresh_database(server, with_litellm_tables=True)          # once a module
        with stock_proxy(config, database_url=url, folder=tmp_path) as proxy:
            key = proxy.new_key("ana")
            proxy.client(key).post("/v1/chat/completions", json={...})
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import psycopg
import yaml

from .checkout import VENV
from .demo_key import make_key
from .environment import proxy_environment
from .errors import LocalError
from .ports import LOOPBACK, free_port
from .postgres import SUPERUSER, EmbeddedPostgres, start_postgres, stop_postgres
from .prisma import recorded_engine
from .proxy import READY_SECONDS, start_provider, start_proxy, wait_ready
from .state import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .processes import Service

_LITELLM_TEMPLATE = "litellm_template"


@contextlib.contextmanager
def postgres_server(folder: Path) -> Iterator[EmbeddedPostgres]:
    """Run an embedded PostgreSQL for as long as the block lasts; a crash may lose its data.

    Args:
        folder: an empty folder for its data and log.

    Raises:
        LocalError: it does not start.

    """
    state = State.open(folder)
    server = start_postgres(state, durable=False)
    try:
        yield server
    finally:
        if server.service is not None:
            server.service.stop()
        stop_postgres(state)


def fresh_database(server: EmbeddedPostgres, *, with_litellm_tables: bool = False, template: str | None = None) -> str:
    """Create a database nobody used and return its URL (`without` LiteLLM's tables it is empty).

    Args:
        server: where.
        with_litellm_tables: copy one in which LiteLLM's migrations ran already (the first use runs them, a few
            seconds; a copy takes a fraction of one). LiteLLM then has nothing to migrate when it starts.
        template: the name of a database to copy, to which nobody is connected.

    """
    name = f"test_{secrets.token_hex(6)}"
    if not with_litellm_tables:
        return server.create_database(name, template=template)
    with psycopg.connect(server.superuser_url(SUPERUSER), autocommit=True) as connection:
        known = connection.execute("SELECT FROM pg_database WHERE datname = %s", (_LITELLM_TEMPLATE,)).fetchone()
    if known is None:
        migrate_litellm(server.create_database(_LITELLM_TEMPLATE))
    return server.create_database(name, template=_LITELLM_TEMPLATE)


def migrate_litellm(database_url: str) -> None:
    """Run LiteLLM's own migrations on a database, as the proxy does when it starts.

    Raises:
        LocalError: they failed.

    """
    engine = recorded_engine()
    found = next(VENV.glob("lib/python*/site-packages/litellm_proxy_extras"))
    argv = [str(engine.node), engine.environment()["PRISMA_CLI_PATH"], "migrate", "deploy"]
    env = {**os.environ, **engine.environment(), "DATABASE_URL": database_url}
    done = subprocess.run(
        argv, cwd=found, env=env, text=True, capture_output=True, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode != 0:
        raise LocalError(f"LiteLLM's migrations failed ({done.stderr.strip()})", "run `make setup`")


@dataclass
class StockProxy:
    """A running, unmodified `litellm` process."""

    base_url: str
    master_key: str
    service: Service

    @property
    def log(self) -> str:
        """Everything that it has written so far."""
        return self.service.log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        """Its process id, which is also that of its process group."""
        return self.service.process.pid

    def wait_ready(self, seconds: float = READY_SECONDS) -> StockProxy:
        """Wait until it answers, with its database connected, and return it.

        Raises:
            LocalError: it ended or did not answer in time; the end of its log has been printed.

        """
        wait_ready(self.service, f"{self.base_url}/health/readiness", seconds=seconds)
        return self

    def client(self, key: str | None = None, *, seconds: float = 60.0) -> httpx.Client:
        """Return an HTTP client that uses a virtual key, or the master key where none is given."""
        headers = {"Authorization": f"Bearer {key or self.master_key}"}
        return httpx.Client(base_url=self.base_url, headers=headers, timeout=seconds, trust_env=False)

    def new_key(self, user: str) -> str:
        """Make a user, unless there is one, and a virtual key of that user through LiteLLM's API."""
        with self.client() as client:
            return make_key(client, self.master_key, user=user)

    def stop(self) -> None:
        """Stop it as an operator does: SIGTERM, and SIGKILL only if that does not end it."""
        self.service.stop()

    def kill(self) -> None:
        """End it at once with everything it started, as a power cut does."""
        os.killpg(self.pid, signal.SIGKILL)
        self.service.process.wait()


def start_stock_proxy(  # noqa: PLR0913 - each is a property of the proxy
    config: Path | Mapping[str, object],
    *,
    database_url: str,
    folder: Path,
    provider_url: str | None = None,
    env: Mapping[str, str] | None = None,
    port: int | None = None,
    master_key: str | None = None,
    salt_key: str = "sk-salt-of-throwaway-databases",
    options: Sequence[str] = (),
) -> StockProxy:
    """Start the stock proxy and return without waiting: start several, then wait for each.

    Args:
        config: a LiteLLM config file, or its content.
        database_url: PostgreSQL.
        folder: where its log goes (and its config, where the content is given).
        provider_url: what ``os.environ/SIMULATED_PROVIDER_URL`` in the config stands for.
        env: more environment variables, over the usual ones.
        port: where it listens; a free one by default.
        master_key: its administrator key; a random one by default.
        salt_key: what LiteLLM encrypts stored credentials with.
        options: more options of its command line, as ``--num_workers 2``.

    """
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(config, Mapping):
        written = folder / f"litellm-{port}.yaml"
        written.write_text(yaml.safe_dump(dict(config), sort_keys=False))
        config = written
    master_key = master_key or f"sk-{secrets.token_urlsafe(24)}"
    usual = proxy_environment(
        database_url=database_url, master_key=master_key, salt_key=salt_key, provider_url=provider_url
    )
    service = start_proxy(
        config=config,
        host=LOOPBACK,
        port=port,
        env={**usual, **(env or {})},
        log=folder / f"litellm-{port}.log",
        options=options,
    )
    return StockProxy(f"http://{LOOPBACK}:{port}", master_key, service)


@contextlib.contextmanager
def stock_proxy(
    config: Path | Mapping[str, object],
    *,
    database_url: str,
    folder: Path,
    provider_url: str | None = None,
    env: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
) -> Iterator[StockProxy]:
    """Run one stock proxy, ready, for as long as the block lasts; see `start_stock_proxy`."""
    proxy = start_stock_proxy(
        config, database_url=database_url, folder=folder, provider_url=provider_url, env=env, options=options
    )
    try:
        yield proxy.wait_ready()
    finally:
        proxy.stop()


@contextlib.contextmanager
def stock_proxies(
    count: int,
    config: Path | Mapping[str, object],
    *,
    database_url: str,
    folder: Path,
    provider_url: str | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[Sequence[StockProxy]]:
    """Run several stock proxies that share one database and one master key, all ready."""
    master_key = f"sk-{secrets.token_urlsafe(24)}"
    with contextlib.ExitStack() as stack:
        proxies = []
        for _ in range(count):
            proxy = start_stock_proxy(
                config,
                database_url=database_url,
                folder=folder,
                provider_url=provider_url,
                env=env,
                master_key=master_key,
            )
            stack.callback(proxy.stop)
            proxies.append(proxy)
        yield [proxy.wait_ready() for proxy in proxies]


@contextlib.contextmanager
def simulated_provider(folder: Path) -> Iterator[str]:
    """Run the simulated provider for as long as the block lasts; yields its URL, which ends in ``/v1``."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    service = start_provider(port=port, log=folder / f"provider-{port}.log")
    try:
        wait_ready(service, f"http://{LOOPBACK}:{port}/healthz", seconds=60)
        yield f"http://{LOOPBACK}:{port}/v1"
    finally:
        service.stop()
