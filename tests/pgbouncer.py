"""PgBouncer in transaction mode, for tests: the next statement may run on another of the server's connections."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from deploy.local.ports import LOOPBACK, free_port
from deploy.local.unprivileged import let_reach, server_user

SERVERS = 4
"""Connections to PostgreSQL that all clients of a database share."""


@dataclass(frozen=True)
class Bouncer:
    """A running PgBouncer.

    Attributes:
        url: through it.
        direct: the same database without it.
        prepares: whether it keeps track of prepared statements.
    """

    url: str
    direct: str
    prepares: bool


def knows_prepared_statements() -> bool:
    """Whether the one that is installed can keep track of them: from 1.21 on."""
    said = subprocess.run([_executable(), "--version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"(\d+)\.(\d+)", said)
    assert version is not None, said
    return (int(version[1]), int(version[2])) >= (1, 21)


@contextlib.contextmanager
def pgbouncer(direct: str, folder: Path, *, prepares: bool) -> Iterator[Bouncer]:
    """Run one before a database; the test is skipped where it is not installed."""
    program, target, port, user = _executable(), conninfo_to_dict(direct), free_port(), server_user()
    users, written = folder / "users.txt", folder / "pgbouncer.ini"
    users.write_text(f'"{target["user"]}" "{target["password"]}"\n')
    settings = {
        "listen_addr": LOOPBACK,
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "scram-sha-256",
        "auth_file": users,
        "pool_mode": "transaction",
        "default_pool_size": SERVERS,
        "max_client_conn": 200,
        **({"max_prepared_statements": 200} if prepares else {}),
    }
    lines = [f"* = host={LOOPBACK} port={target['port']}", "[pgbouncer]"]
    lines += [f"{name} = {value}" for name, value in settings.items()]
    written.write_text("\n".join(["[databases]", *lines, ""]))
    if user is not None:
        let_reach(folder, user[0])
        for path in (folder, users, written):
            os.chown(path, *user)
    process = subprocess.Popen(
        [program, str(written)],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(folder / "log").open("wb"),
        user=user[0] if user else None,
        group=user[1] if user else None,
        extra_groups=[] if user else None,
    )
    try:
        login = f"{target['user']}:{target['password']}"
        url = f"postgresql://{login}@{LOOPBACK}:{port}/{target['dbname']}"
        _wait(url, process, folder / "log")
        yield Bouncer(url, direct, prepares)
    finally:
        process.terminate()
        process.wait(20)


def _executable() -> str:
    """Where it is; Debian puts it where an ordinary user does not look."""
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        pytest.skip("pgbouncer is not installed (apt-get install pgbouncer)")
    return found


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20
    while True:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(url, connect_timeout=5).close()
            return
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
