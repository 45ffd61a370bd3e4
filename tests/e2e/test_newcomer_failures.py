"""Each failure that a newcomer can meet is one line that says what to do: no traceback, and an exit code."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest

from deploy.local.checkout import ROOT
from deploy.local.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deploy.local.postgres import EmbeddedPostgres


def run(tmp_path: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    usual = {"STATE_DIR": str(tmp_path / "state"), "PORT": str(free_port())}
    return subprocess.run(
        [sys.executable, "-m", "deploy.local", *(command or ("up",))],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": "", "LITELLM_MASTER_KEY": "", **usual, **env},
        text=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )


def the_error(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one error line of a command that failed."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    [line] = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    return line


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_a_taken_port_names_who_has_it(tmp_path: Path, taken_port: int) -> None:
    line = the_error(run(tmp_path, PORT=str(taken_port)))
    assert f"port {taken_port} is taken by process {os.getpid()}" in line
    assert f"PORT={taken_port + 1}" in line


def test_a_wrong_port_says_what_to_write(tmp_path: Path) -> None:
    assert "write a number from 1 to 65535" in the_error(run(tmp_path, PORT="four thousand"))


def test_a_weak_master_key_says_how_to_get_a_good_one(tmp_path: Path) -> None:
    assert "leave LITELLM_MASTER_KEY unset" in the_error(run(tmp_path, LITELLM_MASTER_KEY="sk-1234"))


def test_a_missing_config_is_named(tmp_path: Path) -> None:
    assert "nowhere.yaml does not exist" in the_error(run(tmp_path, CONFIG="nowhere.yaml"))


def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    line = the_error(run(tmp_path, DATABASE_URL=f"postgresql://ana:s3cret@127.0.0.1:{free_port()}/d"))
    assert "PostgreSQL cannot be reached at postgresql://ana:***@127.0.0.1" in line
    assert "s3cret" not in line


def test_a_wrong_password_is_said(tmp_path: Path, postgres: EmbeddedPostgres) -> None:
    line = the_error(run(tmp_path, DATABASE_URL=postgres.url().replace("solaris:", "solaris:x")))
    assert "refused the user or password" in line
    assert "DATABASE_URL" in line


def test_a_missing_database_is_named(tmp_path: Path, postgres: EmbeddedPostgres) -> None:
    line = the_error(run(tmp_path, DATABASE_URL=postgres.url("not_there")))
    assert "'not_there' does not exist" in line
    assert "createdb not_there" in line


def test_a_user_who_may_create_nothing_gets_the_statement_that_mends_it(
    tmp_path: Path, postgres: EmbeddedPostgres
) -> None:
    with psycopg.connect(postgres.superuser_url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE not_ours")
    try:
        line = the_error(run(tmp_path, DATABASE_URL=postgres.url("not_ours")))
    finally:
        postgres.drop_database("not_ours")
    assert "GRANT CREATE ON DATABASE not_ours TO solaris" in line


def test_a_state_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "STATE_DIR=" in the_error(run(tmp_path, STATE_DIR=str(tmp_path / "file" / "state")))


def test_an_unknown_engine_says_which_there_are(tmp_path: Path) -> None:
    assert "write auto, native or wasm" in the_error(run(tmp_path, "setup", PRISMA_ENGINE="rust"))


def test_taking_down_what_does_not_run_is_no_failure(tmp_path: Path) -> None:
    done = run(tmp_path, "down")
    assert done.returncode == 0
    assert "nothing runs in" in done.stderr


def bootstrap(checkout: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", checkout / "deploy" / "setup.sh"],
        env={"HOME": str(checkout), **env},
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def bare_checkout(tmp_path: Path) -> Path:
    """Return a copy of what set-up consists of, without anything installed."""
    checkout = tmp_path / "checkout"
    ignored = shutil.ignore_patterns("node_modules", "__pycache__")
    shutil.copytree(ROOT / "deploy", checkout / "deploy", ignore=ignored)
    shutil.copytree(ROOT / "requirements", checkout / "requirements")
    shutil.copy(ROOT / "pyproject.toml", checkout)
    return checkout


def fake(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_a_python_that_is_too_old_says_which_ones_do(bare_checkout: Path) -> None:
    fake(bare_checkout / "bin", "python3", "exit 1")
    shutil.copy("/usr/bin/dirname", bare_checkout / "bin")
    done = bootstrap(bare_checkout, PATH=str(bare_checkout / "bin"))
    assert done.returncode == 1
    assert done.stderr.startswith("error: no Python 3.11, 3.12 or 3.13 was found: install one")
    assert done.stderr.count("\n") == 1


def test_a_python_without_venv_says_what_to_install(bare_checkout: Path) -> None:
    (bare_checkout / "ensurepip.py").write_text("raise ImportError('split off', name='ensurepip')\n")
    done = bootstrap(bare_checkout, PATH=os.environ["PATH"], PYTHON=sys.executable)
    assert "has no ensurepip module: install it (Debian: apt-get install python3" in the_error(done)


def test_packages_that_cannot_be_fetched_are_said_and_half_an_install_is_made_anew(bare_checkout: Path) -> None:
    nowhere = {"PIP_INDEX_URL": f"http://127.0.0.1:{free_port()}/simple", "PIP_CONFIG_FILE": "/dev/null"}
    quick = {"PIP_RETRIES": "0", "PIP_NO_CACHE_DIR": "1", "PATH": os.environ["PATH"], "PYTHON": sys.executable}
    for _ in range(2):
        done = bootstrap(bare_checkout, **nowhere, **quick)
        line = the_error(done)
        assert "cannot install uv" in line
        assert "check the network" in line
    assert "half-finished or broken .venv was found; making it anew" in done.stderr
