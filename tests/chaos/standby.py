"""A standby that follows a server, and takes its place."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import psycopg

from deploy.local.postgres import SUPERUSER, executables
from deploy.local.state import State
from deploy.local.unprivileged import server_user
from tests.chaos.server import Server


def follow(primary: Server, folder: Path, *, synchronous: bool) -> Server:
    """Start a standby, and wait until it follows.

    Args:
        primary: whom it follows.
        folder: an empty one, for its data.
        synchronous: whether the primary waits for it at each commit that waits for the disk.
    """
    state = State.open(folder)
    state.keep_secret("postgres-password", primary.postgres.password)
    state.keep_secret("postgres-superuser-password", primary.postgres.superuser_password)
    subprocess.run(
        [
            str(executables() / "pg_basebackup"),
            *("--pgdata", str(state.postgres), "--dbname", primary.postgres.superuser_url(SUPERUSER)),
            *("--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast"),
        ],
        check=True,
        capture_output=True,
    )
    user = server_user()
    if user is not None:
        for path in [state.postgres, *state.postgres.rglob("*")]:
            shutil.chown(path, *user)
    (state.root / "postgres-initialised").touch()
    standby = Server(folder, durable=True)
    with psycopg.connect(primary.postgres.superuser_url(SUPERUSER), autocommit=True) as connection:
        # Set here, after the copy was taken: the standby must not wait for one of its own.
        if synchronous:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
        wanted = "sync" if synchronous else "async"
        deadline = time.monotonic() + 30
        while connection.execute("SELECT sync_state FROM pg_stat_replication").fetchall() != [(wanted,)]:
            assert time.monotonic() < deadline, "the standby does not follow"
            time.sleep(0.05)
    return standby


def promote(standby: Server) -> None:
    """Make it the one that is written to."""
    with psycopg.connect(standby.postgres.superuser_url(SUPERUSER), autocommit=True) as connection:
        connection.execute("SELECT pg_promote()")
