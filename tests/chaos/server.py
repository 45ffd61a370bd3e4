"""A PostgreSQL of its own that a test may hurt."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg

from deploy.local.postgres import SUPERUSER, EmbeddedPostgres, start_postgres, stop_postgres
from deploy.local.processes import wait_until
from deploy.local.state import State


class Server:
    """One embedded server on one port, started and ended as often as a test likes; its data stay."""

    def __init__(self, folder: Path, *, durable: bool) -> None:
        self._state = State.open(folder)
        self._durable = durable
        self.postgres = start_postgres(self._state, durable=durable)
        self._paused: list[psutil.Process] = []

    @property
    def url(self) -> str:
        return self.postgres.url()

    def start(self) -> EmbeddedPostgres:
        """Start it again, on the same port. One that was killed recovers first."""
        self.postgres = start_postgres(self._state, durable=self._durable)
        return self.postgres

    def stop(self) -> None:
        """As an operator does: clients are thrown out, everything is on the disk."""
        self.resume()
        if self.postgres.service is not None:
            self.postgres.service.stop()
        stop_postgres(self._state)

    def kill(self) -> None:
        """As a crash does: the server and all its processes, at once."""
        self.resume()
        service = self.postgres.service
        assert service is not None
        # Its children have sessions of their own, and would finish what they were at.
        doomed = self._processes()
        for each in doomed:
            with contextlib.suppress(psutil.Error):
                each.kill()
        service.process.wait()
        psutil.wait_procs(doomed, timeout=10)
        self._state.forget(service.name)

    def pause(self) -> None:
        """Let it stand still, with all its connections open."""
        self._paused = self._processes()
        for each in self._paused:
            with contextlib.suppress(psutil.Error):
                each.suspend()

    def resume(self) -> None:
        """Let it go on."""
        for each in reversed(self._paused):
            with contextlib.suppress(psutil.Error):
                each.resume()
        self._paused = []

    def wait(self) -> None:
        """Until it answers: it may still recover."""

        def answers() -> bool:
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
            except psycopg.OperationalError:
                return False
            return True

        assert wait_until(answers, 60)

    def backends(self, database: str) -> list[int]:
        """Process ids of the connections to a database."""
        self.wait()
        with psycopg.connect(self.postgres.superuser_url(SUPERUSER), autocommit=True) as connection:
            found = connection.execute("SELECT pid FROM pg_stat_activity WHERE datname = %s", (database,)).fetchall()
        return [int(pid) for (pid,) in found]

    def _processes(self) -> list[psutil.Process]:
        """The postmaster first, then its children, each of which has a session of its own."""
        assert self.postgres.service is not None
        try:
            postmaster = psutil.Process(self.postgres.service.process.pid)
            return [postmaster, *postmaster.children(recursive=True)]
        except psutil.Error:
            return []


@contextlib.contextmanager
def mortal_server(folder: Path, *, durable: bool = False) -> Iterator[Server]:
    """A server for as long as the block lasts."""
    server = Server(folder, durable=durable)
    try:
        yield server
    finally:
        server.stop()
