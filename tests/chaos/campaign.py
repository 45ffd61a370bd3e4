"""Rounds of faults on workers, their database and the network between, each followed by all the checks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from deploy.local.ports import LOOPBACK
from deploy.local.postgres import SUPERUSER
from solaris_hooks.ledger.migrations import books_id, migrate
from tests.chaos.checks import Tally, compare, settle_down
from tests.chaos.relay import Network, Relay, relay_to
from tests.chaos.server import Server, mortal_server
from tests.chaos.standby import follow, promote

ROOT = Path(__file__).parents[2]
WORKERS = 3
PATIENCE_SECONDS = 60.0
"""For a process to start and to serve, on a machine that has other work."""

PLAN_TOKENS = 20_000
"""Few enough that accounts come to their end within a round, under concurrency."""


@dataclass
class Arena:
    """A server, a network, workers on it, and what was done to them so far."""

    server: Server
    relay: Relay
    folder: Path
    random: random.Random
    tally: Tally = field(default_factory=Tally)
    found: Tally = field(default_factory=Tally)
    """What the last checks found."""
    faults: Counter[str] = field(default_factory=Counter)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    previous_release: Path | None = None
    standbys: int = 0
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @property
    def url(self) -> str:
        """Straight to the server."""
        return self.server.url

    @property
    def database(self) -> str:
        return str(conninfo_to_dict(self.url)["dbname"])

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    @property
    def provider(self) -> Path:
        return self.folder / "provider"

    def start_worker(self, *, old: bool = False, **options: object) -> subprocess.Popen[bytes]:
        told = {**self.options, "seed": self.random.getrandbits(32), **options}
        path = [str(self.previous_release)] if old else []
        worker = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.worker", json.dumps(told)],
            cwd=self.previous_release if old else ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([*path, str(ROOT)])},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "workers.log").open("ab"),
        )
        self.workers.append(worker)
        return worker

    def kill_worker(self, number: int) -> None:
        """As a power cut does, and start another in its place."""
        worker = self.workers.pop(number)
        if worker.poll() is None:
            worker.kill()
            self.tally.kills += 1
        worker.wait()
        self.start_worker()

    def stop_workers(self) -> None:
        """As an operator does: what runs is ended. One that cannot is killed."""
        for worker in self.workers:
            worker.send_signal(signal.SIGTERM)
        for worker in self.workers:
            try:
                worker.wait(20)
            except subprocess.TimeoutExpired:
                worker.kill()
                self.tally.kills += 1
                worker.wait()
        self.workers.clear()

    def wait_for_traffic(self) -> None:
        """Until the workers serve."""
        start = self.provider.stat().st_size if self.provider.exists() else 0
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.provider.exists() or self.provider.stat().st_size < start + 400:
            assert time.monotonic() < deadline, "no traffic"
            time.sleep(0.05)

    def pause(self, least: float = 0.1, most: float = 1.0) -> None:
        """Let some time pass."""
        time.sleep(self.random.uniform(least, most))


def kill_workers(arena: Arena) -> None:
    for _ in range(12):
        arena.pause(0.2, 1.0)
        arena.kill_worker(arena.random.randrange(WORKERS))


def stop_a_worker(arena: Arena) -> None:
    arena.pause()
    arena.workers[0].send_signal(signal.SIGTERM)
    assert arena.workers.pop(0).wait(20) == 0
    arena.start_worker()


def kill_the_server(arena: Arena) -> None:
    arena.pause()
    arena.server.kill()
    arena.tally.kills += 1
    arena.pause(0.1, 2.5)
    if arena.random.random() < 0.5:
        arena.kill_worker(0)
    arena.server.start()
    arena.pause()


def restart_the_server(arena: Arena) -> None:
    arena.server.stop()
    arena.pause(0.1, 2.5)
    arena.server.start()
    arena.pause()


def stop_the_server_and_kill_workers(arena: Arena) -> None:
    """Whatever they wrote down is booked by those who come after them."""
    arena.server.stop()
    for _ in range(4):
        arena.pause(0.5, 1.5)
        arena.kill_worker(arena.random.randrange(WORKERS))
    arena.server.start()
    arena.pause()


def pause_the_server(arena: Arena) -> None:
    arena.server.pause()
    arena.pause(0.5, 5)
    arena.server.resume()
    arena.pause()


def kill_a_connection(arena: Arena) -> None:
    """PostgreSQL then restarts all of its processes, and recovers."""
    backends = arena.server.backends(arena.database)
    if backends:
        with contextlib.suppress(ProcessLookupError):
            os.kill(arena.random.choice(backends), signal.SIGKILL)
        arena.tally.kills += 1
    arena.pause(1, 2)


def end_connections(arena: Arena) -> None:
    """As an administrator, or a fail-over, does."""
    with psycopg.connect(arena.server.postgres.superuser_url(SUPERUSER), autocommit=True) as connection:
        for _ in range(5):
            arena.pause(0.05, 0.4)
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                (arena.database,),
            )


def network(state: Network, delay: float = 0.0) -> Callable[[Arena], None]:
    def change(arena: Arena) -> None:
        arena.relay.set(state, delay=delay)
        arena.pause(0.5, 4)
        arena.relay.set(Network.FINE)
        arena.pause()

    change.__name__ = f"network_{state.value}"
    return change


def take_all_connections(arena: Arena) -> None:
    taken: list[psycopg.Connection] = []
    with contextlib.suppress(psycopg.OperationalError):
        while True:
            taken.append(psycopg.connect(arena.url, connect_timeout=5))
    arena.kill_worker(0)
    arena.pause(1, 3)
    for each in taken:
        each.close()
    arena.pause()


def raise_errors(sqlstate: str) -> Callable[[Arena], None]:
    """One of five entries meets an error that PostgreSQL asks to try again after."""

    def trouble(arena: Arena) -> None:
        with psycopg.connect(arena.server.postgres.superuser_url(arena.database), autocommit=True) as admin:
            admin.execute(
                "CREATE FUNCTION solaris.chaos() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                f"IF random() < 0.2 THEN RAISE EXCEPTION 'chaos' USING ERRCODE = '{sqlstate}'; END IF; "
                "RETURN NEW; END $$"
            )
            admin.execute(
                "CREATE TRIGGER chaos BEFORE INSERT ON solaris.entries FOR EACH ROW EXECUTE FUNCTION solaris.chaos()"
            )
            arena.pause(1, 2)
            admin.execute("DROP TRIGGER chaos ON solaris.entries")
            admin.execute("DROP FUNCTION solaris.chaos()")

    trouble.__name__ = f"sqlstate_{sqlstate}"
    return trouble


def fill_the_journals_disk(arena: Arena) -> None:
    """The server is away, and what was used cannot be written down: it stays in memory until it can."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48k", "none", str(arena.journal)], check=False, capture_output=True
    )
    if mounted.returncode:
        return
    try:
        workers = [arena.start_worker() for _ in range(2)]
        arena.pause(1, 2)
        arena.server.stop()
        arena.pause(2, 3)
        arena.server.start()
        arena.pause(2, 3)
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
            worker.wait(30)
            arena.workers.remove(worker)
        left = list(arena.journal.iterdir())
        assert left == [], left
    finally:
        subprocess.run(["umount", "--lazy", str(arena.journal)], check=True)


def a_wrong_clock(arena: Arena) -> None:
    days = arena.random.choice([-40, -2, 2, 40])
    worker = arena.start_worker(clock_ahead=days * 86_400.0)
    arena.pause(2, 3)
    arena.kill_worker(arena.workers.index(worker))
    arena.workers[-1].kill()
    arena.workers.pop().wait()
    arena.tally.kills += 1


def _booked(connection: psycopg.Connection, group: str) -> bool:
    found = connection.execute(
        "SELECT FROM solaris.usage WHERE account_id LIKE %s LIMIT 1", (f"user:{group}-%",)
    ).fetchone()
    return found is not None


def the_release_before(arena: Arena) -> None:
    """Two versions of the package on one schema."""
    if arena.previous_release is None:
        return
    group = f"{arena.options['group']}-old"
    worker = arena.start_worker(old=True, group=group)
    deadline = time.monotonic() + PATIENCE_SECONDS
    with psycopg.connect(arena.url, autocommit=True) as connection:
        while not _booked(connection, group):
            assert time.monotonic() < deadline, "the release before booked nothing"
            time.sleep(0.1)
    arena.pause(1, 2)
    if worker.poll() is None:
        worker.send_signal(arena.random.choice([signal.SIGKILL, signal.SIGTERM]))
        arena.tally.kills += 1
    else:
        raise AssertionError("the release before does not run on this schema")
    worker.wait(20)
    arena.workers.remove(worker)


def fail_over(arena: Arena) -> None:
    """The server dies, and a standby takes its place, for which commits have waited."""
    arena.standbys += 1
    standby = follow(arena.server, arena.folder / f"standby-{arena.standbys}", synchronous=True)
    arena.stack.callback(standby.stop)
    arena.pause()
    arena.server.kill()
    arena.tally.kills += 1
    arena.pause(0.1, 1)
    promote(standby)
    arena.server = standby
    arena.relay.set(Network.FINE, port=standby.postgres.port)
    arena.pause(1, 2)


FAULTS: list[Callable[[Arena], None]] = [
    kill_workers,
    kill_the_server,
    stop_the_server_and_kill_workers,
    pause_the_server,
    network(Network.CUT),
    kill_a_connection,
    restart_the_server,
    network(Network.STALLED),
    stop_a_worker,
    end_connections,
    take_all_connections,
    network(Network.SLOW, 0.05),
    raise_errors("40P01"),
    raise_errors("40001"),
    a_wrong_clock,
    the_release_before,
    fill_the_journals_disk,
    fail_over,
]


def play(arena: Arena, number: int, faults: list[Callable[[Arena], None]], *, fail_open: bool) -> Tally:
    """One round: traffic, faults, and all the checks. Returns the figures since the arena was made."""
    arena.options |= {"group": str(number), "fail_open": fail_open}
    for _ in range(WORKERS):
        arena.start_worker()
    arena.wait_for_traffic()
    for fault in faults:
        fault(arena)
        arena.faults[fault.__name__] += 1
    arena.server.wait()
    arena.stop_workers()
    asyncio.run(settle_down(arena.url, arena.journal, uuid.UUID(arena.options["books"])))
    arena.found = found = compare(arena.url, arena.provider)
    found.kills = arena.tally.kills
    found.other_faults = sum(arena.faults.values())
    assert (found.lost, found.double, found.overshoot) == (0, 0, 0), found
    return found


@contextlib.contextmanager
def arena(folder: Path, seed: int) -> Iterator[Arena]:
    """A place for rounds, with a server that keeps its promises to the disk."""
    with mortal_server(folder / "server", durable=True) as server, relay_to(server.postgres.port) as relay:
        migrate(server.url)
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("UPDATE solaris.plans SET monthly_tokens = %s", (PLAN_TOKENS,))
        made = Arena(server, relay, folder, random.Random(seed))
        made.journal.mkdir()
        made.options = {
            "url": make_conninfo(server.url, host=LOOPBACK, port=relay.port),
            "books": str(books_id(server.url)),
            "journal": str(made.journal),
            "provider": str(made.provider),
        }
        try:
            with made.stack:
                yield made
        finally:
            for worker in made.workers:
                worker.kill()
                worker.wait()
