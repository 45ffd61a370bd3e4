"""The state folder keeps secrets to itself and knows a process from another one with its number."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from deploy.local import ports
from deploy.local.checkout import ROOT
from deploy.local.errors import LocalError
from deploy.local.ports import free_port, is_free
from deploy.local.processes import last_lines, note_self, noted_pid, start, stop_noted, wait_until
from deploy.local.state import State

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State.open(tmp_path / "state")


def test_a_secret_is_made_once_and_readable_by_its_owner_alone(state: State) -> None:
    made, new = state.secret_or_new("master-key", prefix="sk-")
    assert new
    assert made.startswith("sk-")
    assert state.secret_or_new("master-key", prefix="sk-") == (made, False)
    assert stat.S_IMODE((state.secrets / "master-key").stat().st_mode) == 0o600
    assert stat.S_IMODE(state.secrets.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalError, match="STATE_DIR="):
        State.open(tmp_path / "file" / "state")


def test_a_damaged_note_counts_as_none(state: State) -> None:
    (state.run / "up.json").write_text("{")
    assert state.noted("up") == {}
    assert noted_pid(state, "up") is None


def test_a_process_that_got_the_number_of_a_dead_one_is_not_mistaken_for_it(state: State) -> None:
    note_self(state, "up")
    assert noted_pid(state, "up") == os.getpid()
    state.note("up", {**state.noted("up"), "born": 1.0})
    assert noted_pid(state, "up") is None
    assert not stop_noted(state, "up", seconds=0)


def test_stopping_a_service_ends_what_it_started_too(state: State) -> None:
    code = "import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"
    service = start(
        "x",
        [sys.executable, "-c", code],
        env=os.environ,
        log=state.log("x"),
        cwd=state.root,
        state=state,
        stop_seconds=5,
    )
    assert wait_until(lambda: last_lines(service.log).strip().isdigit(), 20)
    child = int(last_lines(service.log))
    assert noted_pid(state, "x") == service.process.pid
    service.stop()
    assert wait_until(lambda: _is_gone(child), 5)
    assert noted_pid(state, "x") is None


def test_a_free_port_is_free() -> None:
    assert is_free(free_port())


def test_no_two_processes_get_the_same_port(monkeypatch: pytest.MonkeyPatch) -> None:
    few = range(32_000, 32_010)
    monkeypatch.setattr(ports, "_CHOICE", few)
    monkeypatch.setattr(ports, "_TRIES", len(few))
    script = (
        "import sys; from deploy.local import ports; ports._CHOICE = range(32_000, 32_010); ports._TRIES = 10\n"
        "print(*(ports.free_port() for _ in range(3)), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = {int(port) for port in other.stdout.readline().split()}
        with pytest.raises(LocalError, match="no free port"):
            ours = {free_port() for _ in range(len(few) - len(theirs) + 1)}
        other.communicate("")
    assert len(theirs) == 3
    ours = {free_port() for _ in range(3)}
    assert ours == theirs, "a process that ended keeps none"


def _is_gone(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().split()[2] == "Z"
    except FileNotFoundError:
        return True
