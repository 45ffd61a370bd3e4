"""The machine: what it is, and what its processors were busy with. Read from ``/proc``: Linux alone."""

from __future__ import annotations

import contextlib
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from deploy.local.checkout import ROOT
from deploy.local.prisma import recorded_engine

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    parent: int
    cpu_seconds: float
    """Its own, and that of the children it has waited for."""


def _processes() -> dict[int, _Process]:
    found = {}
    for folder in _PROC.iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            # The name in parentheses may hold anything; what follows it is plain.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            pid = int(folder.name)
            own = time.clock_gettime(_cpu_clock(pid))
        except OSError:  # it has ended meanwhile
            continue
        waited_for = sum(int(each) for each in fields[13:15]) / _TICKS
        found[pid] = _Process(pid, int(fields[1]), own + waited_for)
    return found


def _cpu_clock(pid: int) -> int:
    """The kernel's clock of a process's CPU time, to the nanosecond: ``/proc`` tells hundredths of a second."""
    return (~pid << 3) | 2


def cpu_by_kind(root: int, kind_of: Callable[[str], str]) -> dict[str, float]:
    """CPU seconds of a process and all that it started, summed by kind.

    Args:
        root: the process id.
        kind_of: the kind of a process, from its command line.
    """
    everything = _processes()
    sums: dict[str, float] = {}
    for pid in _below(root, everything):
        kind = kind_of(_command_line(pid))
        sums[kind] = sums.get(kind, 0.0) + everything[pid].cpu_seconds
    return sums


@contextlib.contextmanager
def one_processor_for(roots: Iterable[int], kind: str, kind_of: Callable[[str], str]) -> Iterator[None]:
    """Leave a processor to the processes of a kind below some others; this one and all else below it get the rest.

    So nobody empties the caches of what is measured, as nobody would if PostgreSQL had a machine of its own.
    Where there is but one processor, nothing changes.
    """
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) > 1:
        everything = _processes()
        own = {pid for root in roots for pid in _below(root, everything) if kind_of(_command_line(pid)) == kind}
        for pid in _below(os.getpid(), everything):
            _keep_to(pid, processors[:1] if pid in own else processors[1:])
    try:
        yield
    finally:
        for pid in _below(os.getpid(), _processes()):
            _keep_to(pid, processors)


def _below(root: int, everything: Mapping[int, _Process]) -> list[int]:
    """A process and all that it started, and what these started, as far as they run."""
    children: dict[int, list[int]] = {}
    for process in everything.values():
        children.setdefault(process.parent, []).append(process.pid)
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        waiting += children.get(pid, ())
        if pid in everything:
            found.append(pid)
    return found


def _keep_to(pid: int, processors: Iterable[int]) -> None:
    """Every thread of a process; those that it starts later stay where it is."""
    with contextlib.suppress(OSError):  # it has ended meanwhile
        for thread in (_PROC / str(pid) / "task").iterdir():
            os.sched_setaffinity(int(thread.name), processors)


def _command_line(pid: int) -> str:
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """How much of the machine other people's processes took; ours are this process and all below it."""

    at: float
    busy: float
    ours: float

    @classmethod
    def now(cls) -> Neighbours:
        """A first or second look."""
        # user, nice, system, idle, iowait, irq, softirq, steal
        fields = [int(each) for each in (_PROC / "stat").read_text().splitlines()[0].split()[1:9]]
        busy = sum(fields) - fields[3] - fields[4]
        ours = sum(cpu_by_kind(os.getpid(), lambda _: "").values())
        return cls(time.monotonic(), busy / _TICKS, ours)

    def share_since(self, before: Neighbours) -> float:
        """The part of all processors, 0 to 1, that others were using between two looks."""
        available = (self.at - before.at) * (os.cpu_count() or 1)
        return max(0.0, (self.busy - before.busy - self.ours + before.ours) / available)


def commit_milliseconds(folder: Path, *, times: int = 200) -> float:
    """How long the disk takes to make 8 kB durable: the median of some ``fdatasync``."""
    file = folder / "fdatasync"
    descriptor = os.open(file, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        os.pwrite(descriptor, b"\0" * 8192 * 16, 0)
        os.fsync(descriptor)
        took = []
        for number in range(times):
            began = time.perf_counter()
            os.pwrite(descriptor, os.urandom(8192), 8192 * (number % 16))
            os.fdatasync(descriptor)
            took.append((time.perf_counter() - began) * 1000)
    finally:
        os.close(descriptor)
        file.unlink()
    return statistics.median(took)


def hardware() -> Mapping[str, str]:
    """What a reader needs to know to compare figures with his own."""
    info = (_PROC / "cpuinfo").read_text()
    models = {line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")}
    kilobytes = int((_PROC / "meminfo").read_text().split()[1])
    return {
        "processors": f"{os.cpu_count()} x {', '.join(sorted(models)) or 'unknown'}",
        "memory": f"{kilobytes / 1024**2:.0f} GiB",
        "system": f"Linux {os.uname().release}, Python {platform.python_version()}",
        "project": _commit(),
        "LiteLLM": f"{version('litellm')}, Prisma engine: {recorded_engine().kind}",
    }


def _commit() -> str:
    """The commit that was measured, where this is a checkout."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty=, with changes that are in no commit", "--abbrev=10"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() if described.returncode == 0 else "no checkout"
