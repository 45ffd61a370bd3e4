"""Start a process of its own session, watch it, and stop it with everything that it started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from .errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from .state import State

LAST_LINES = 20
_STEP_SECONDS = 0.05


@dataclass
class Service:
    """A process that this one started and must stop.

    It runs in a session of its own, so that Ctrl-C reaches it through us, in the right order, and not from the
    terminal.
    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 30.0
    state: State | None = None

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self.process.poll() is not None

    def stop(self) -> None:
        """Ask it to end, wait, then end whatever is left of its session."""
        if not self.ended:
            self.process.send_signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(self.stop_seconds)
        kill_session(self.process.pid)
        self.process.wait()
        if self.state is not None:
            self.state.forget(self.name)

    def died(self) -> LocalError:
        """Return the error that says that it ended by itself, with the end of its log."""
        how = f"exit code {self.process.returncode}"
        if self.process.returncode < 0:
            how = signal.Signals(-self.process.returncode).name
        return LocalError(
            f"{self.name} ended by itself ({how})", f"its last lines are above, all of it is in {self.log}"
        )


def start(  # noqa: PLR0913 - each is a property of the process
    name: str,
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    log: Path,
    cwd: Path,
    state: State | None = None,
    user: tuple[int, int] | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    stop_seconds: float = 30.0,
) -> Service:
    """Start a process with its output in a log.

    Args:
        name: what people call it.
        argv: the command.
        env: its whole environment.
        log: where its output goes; the log of the run before is kept with ``.1``.
        cwd: where it runs.
        state: where to note it, so that `make down` can find it if this process dies.
        user: the user id and group id to run as instead of this process's own.
        stop_signal: the signal that asks it to end.
        stop_seconds: how long it may take to end.

    Raises:
        LocalError: it could not be started.

    """
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(
                list(argv),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=user[0] if user else None,
                group=user[1] if user else None,
                extra_groups=[] if user else None,
            )
    except OSError as error:
        raise LocalError(f"{name} could not be started ({error})", "run `make setup`") from error
    service = Service(name, process, log, stop_signal, stop_seconds, state)
    if state is not None:
        state.note(name, {"pid": process.pid, "born": _born(process.pid) or 0.0, "signal": int(stop_signal)})
    return service


def noted_pid(state: State, name: str) -> int | None:
    """Return the pid of a noted process if that very process is alive, not another one that got its number."""
    note = state.noted(name)
    pid, born = note.get("pid"), note.get("born")
    if isinstance(pid, int) and isinstance(born, (int, float)) and _born(pid) == born:
        return pid
    return None


def note_self(state: State, name: str) -> None:
    """Note this process, so that `make down` finds it."""
    state.note(name, {"pid": os.getpid(), "born": _born(os.getpid()) or 0.0, "signal": int(signal.SIGTERM)})


def stop_noted(state: State, name: str, *, seconds: float) -> bool:
    """Stop a noted process that another command started.

    Returns:
        Whether there was one.

    """
    pid = noted_pid(state, name)
    if pid is not None:
        os.kill(pid, signal.Signals(int(state.noted(name)["signal"])))
        wait_until(lambda: noted_pid(state, name) is None, seconds)
        kill_session(pid)
    state.forget(name)
    return pid is not None


def kill_session(leader: int) -> None:
    """Kill whatever is left of the process group of a session that we started."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Return whether a condition came true within a time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(_STEP_SECONDS)
    return True


def last_lines(log: Path, count: int = LAST_LINES) -> str:
    """Return the end of a log."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return ""


def _born(pid: int) -> float | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None
