"""`make up` on data of its own: what it prints works, its data stay, and it leaves nothing behind."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import psutil
import psycopg
import pytest

from deploy.local.checkout import ROOT, VENV_BIN
from deploy.local.ports import free_port, is_free
from deploy.local.processes import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

READY_SECONDS = 240


class Installation:
    """One state folder and the commands on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        unset = dict.fromkeys(
            ("DATABASE_URL", "LITELLM_MASTER_KEY", "LITELLM_SALT_KEY", "CONFIG", "SIMULATED_PROVIDER_URL"), ""
        )
        keys = {name: "" for name in os.environ if name.endswith("_API_KEY")}
        self.env = {**os.environ, **unset, **keys, "STATE_DIR": str(folder), "PORT": str(self.port)}
        self.started: list[subprocess.Popen[str]] = []

    def start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "up"],
            cwd=ROOT,
            env=self.env,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def run(self, command: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "deploy.local", command],
            cwd=ROOT,
            env={**self.env, **env},
            text=True,
            capture_output=True,
            timeout=READY_SECONDS,
            check=False,
        )

    def processes(self) -> list[psutil.Process]:
        """Return what runs for this installation, whoever started it."""
        return [p for p in psutil.process_iter() if self._is_ours(p)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            mentions = " ".join(process.cmdline())
            with_env = process.environ().get("STATE_DIR") == str(self.folder)
            return process.pid != os.getpid() and (str(self.folder) in mentions or with_env)
        except psutil.Error:
            return False


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "state")
    yield made
    made.run("down")
    for process in made.started:
        if process.poll() is None:
            process.kill()


def read_until(process: subprocess.Popen[str], wanted: str) -> str:
    """Read what a command prints up to a line that holds something; fails where the command ends before."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if wanted in line:
            return text
    pytest.fail(f"it ended without saying {wanted!r}:\n{text}")


def the_proxy(installation: Installation) -> psutil.Process:
    [proxy] = [process for process in installation.processes() if "--config" in process.cmdline()]
    return proxy


def curl_of(text: str) -> str:
    found = re.search(r"^ +(curl .*)$", text, re.MULTILINE)
    assert found, text
    return found.group(1)


@pytest.mark.timeout(900)  # LiteLLM starts several times in it, beside two more processes of tests in which it does
def test_the_whole_life_of_an_installation(installation: Installation) -> None:
    first = installation.start()
    said = read_until(first, "Ctrl-C stops everything")
    assert f"http://127.0.0.1:{installation.port}" in said
    assert "master key  sk-" in said

    # The printed command answers, and another terminal can read the books.
    answer = subprocess.run(shlex.split(curl_of(said)), capture_output=True, text=True, check=True)
    assert '"usage"' in answer.stdout
    exports = installation.run("env").stdout
    listing = subprocess.run(
        ["/bin/sh", "-c", f"{exports}\n{VENV_BIN}/solaris accounts list"],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
    )
    assert "user:demo" in listing.stdout, listing.stderr

    # Ctrl-C ends it as a success and leaves nothing.
    first.send_signal(signal.SIGINT)
    assert first.wait(60) == 0
    assert installation.processes() == []
    assert is_free(installation.port)

    # In the background, on the same data: the same demo key, no key shown again, and only once.
    again = installation.run("up", DETACH="1")
    assert again.returncode == 0, again.stdout + again.stderr
    assert curl_of(again.stdout) == curl_of(said)
    assert "master key" not in again.stdout
    twice = installation.run("up", DETACH="1")
    assert twice.returncode == 0
    assert "already running" in twice.stderr
    refused = installation.run("up")
    assert refused.returncode == 1
    assert "already running" in refused.stderr

    # What a killed run leaves behind is used (PostgreSQL, the provider) or stopped (the proxy) by the next.
    supervisor = psutil.Process(int(re.findall(r"process (\d+)", twice.stderr)[0]))
    supervisor.kill()
    supervisor.wait()
    orphan = the_proxy(installation)
    third = installation.run("up", DETACH="1")
    assert third.returncode == 0, third.stdout + third.stderr
    assert "left over from a run that was killed" in third.stderr
    assert not orphan.is_running()

    # A part that dies takes the rest of its run down, and the log says which it was.
    the_proxy(installation).kill()
    log = installation.folder / "logs" / "up.log"
    assert wait_until(lambda: "error: " in log.read_text(), 60)
    assert "error: LiteLLM ended by itself (SIGKILL)" in log.read_text()
    assert installation.run("down").returncode == 0
    assert installation.processes() == []


def test_env_starts_postgresql_and_down_stops_it(installation: Installation) -> None:
    made = installation.run("env")
    assert made.returncode == 0, made.stderr
    assert "`make down` stops it" in made.stderr
    exported = dict(re.findall(r"^export (\w+)=(.*)$", made.stdout, re.MULTILINE))
    with psycopg.connect(exported["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("solaris",)
    assert httpx.get(exported["SIMULATED_PROVIDER_URL"] + "/models", trust_env=False).status_code == httpx.codes.OK
    assert "started" not in installation.run("env").stderr
    installation.run("down")
    assert installation.processes() == []
