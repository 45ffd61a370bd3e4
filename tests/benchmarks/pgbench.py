"""PostgreSQL's own load generator, running the ledger's functions."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import LocalError
from deploy.local.postgres import executables

# The same functions, columns and figures as the ledger's statements. The hold id is made on the server, in the same
# round trip, since pgbench has no numbers of 128 bits. It takes every word after a colon for one of its variables,
# even inside quotes: hence chr(58).
_SCRIPT = """
\\set number random(1, :accounts)
SELECT minted.hold_id, r.*
FROM (SELECT uuidv7() AS hold_id) AS minted,
LATERAL solaris.hold_v4(
    'user' || chr(58) || 'bench-' || :number::int, minted.hold_id, 'demo', 5000, 5000, 5000, 5000, 5000, 600, 120,
    NULL, true, 'default', 'pt_BR', 'America/Sao_Paulo', 1, 'active', NULL, NULL) AS r \\gset
SELECT r.*
FROM solaris.settle_v5(
    'user' || chr(58) || 'bench-' || :number::int, :hold_id::uuid, 'demo', 640, 600, 0,
    40, 0, 'provider', '{"asked": "demo", "weights": ["1", "1", "1"]}', NULL, NULL) AS r;
"""
_RATE = re.compile(r"^tps = ([0-9.]+) \(without initial", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Result:
    """One run.

    Attributes:
        milliseconds: how long each pair took.
        cpu_seconds: of pgbench itself.
    """

    pairs_per_second: float
    milliseconds: Sequence[float]
    cpu_seconds: float


def find_pgbench() -> Path | None:
    """The embedded server's own, or any that is installed; None where there is none."""
    try:
        embedded = executables() / "pgbench"
    except LocalError:
        embedded = Path("pgbench")
    if embedded.is_file():
        return embedded
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench")) or [
        Path(each) for each in (shutil.which("pgbench"),) if each
    ]
    return found[-1] if found else None


class PgBench:
    """Runs the script with prepared statements, one thread."""

    def __init__(self, binary: Path, url: str, folder: Path, *, clients: int) -> None:
        """Write the script."""
        self._binary = binary
        self._url = url
        self._folder = folder / "pgbench"
        self._folder.mkdir()
        self._clients = clients
        self._script = self._folder / "pair.sql"
        self._script.write_text(_SCRIPT)

    def run(self, *, accounts: int, seconds: float) -> Result:
        """Let all clients run pairs for a time, on accounts drawn at random.

        Raises:
            LocalError: pgbench failed.
        """
        for old in self._folder.glob("log.*"):
            old.unlink()
        before = _children_cpu()
        argv = [str(self._binary), "--no-vacuum", "--protocol=prepared", f"--file={self._script}"]
        argv += [f"--client={self._clients}", "--jobs=1", f"--time={max(1, round(seconds))}"]
        argv += [f"--define=accounts={accounts}", "--log", "--log-prefix=log", self._url]
        done = subprocess.run(
            argv, cwd=self._folder, env={**os.environ, "LC_ALL": "C"}, text=True, capture_output=True, check=False
        )
        rate = _RATE.search(done.stdout)
        if done.returncode != 0 or rate is None:
            raise LocalError(f"pgbench failed ({done.stderr.strip()})", "see the message above")
        lines = (line.split() for log in self._folder.glob("log.*") for line in log.read_text().splitlines())
        took = [int(fields[2]) / 1000 for fields in lines]
        return Result(float(rate[1]), took, _children_cpu() - before)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
