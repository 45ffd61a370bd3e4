"""The state folder: data, logs, secrets and what runs, for one installation on this machine.

Several folders can be in use side by side; nothing outside the folder is written when it runs.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class State:
    """One state folder, made on first use."""

    root: Path

    @classmethod
    def open(cls, root: Path) -> State:
        """Make the folder where it is missing and check that it can be written.

        Raises:
            LocalError: it cannot be made or written.

        """
        state = cls(root)
        try:
            root.mkdir(parents=True, exist_ok=True)
            for private in (state.secrets, state.logs, state.run):
                private.mkdir(mode=0o700, exist_ok=True)
            probe = state.run / "probe"
            probe.write_text("")
            probe.unlink()
        except OSError as error:
            raise LocalError(
                f"cannot write in the state folder {root} ({error.strerror})",
                "free space or mend its permissions, or name another one with STATE_DIR=...",
            ) from error
        return state

    @property
    def secrets(self) -> Path:
        """Where generated keys and passwords are, readable by the owner alone."""
        return self.root / "secrets"

    @property
    def logs(self) -> Path:
        """Where each process writes its log."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """What runs now: a file for each process, and the lock."""
        return self.root / "run"

    @property
    def postgres(self) -> Path:
        """Where the embedded PostgreSQL keeps its data."""
        return self.root / "postgres"

    def log(self, name: str) -> Path:
        """Return a process's log file; what the run before wrote is kept beside it with ``.1``."""
        return self.logs / f"{name}.log"

    def secret(self, name: str) -> str | None:
        """Return a stored secret, or None."""
        try:
            return (self.secrets / name).read_text().strip() or None
        except FileNotFoundError:
            return None

    def keep_secret(self, name: str, value: str) -> str:
        """Store a secret with mode 0600, whole or not at all, and return it."""
        aside = self.secrets / f".{name}.{secrets.token_hex(4)}"
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(value + "\n")
        aside.replace(self.secrets / name)
        return value

    def secret_or_new(self, name: str, *, prefix: str = "") -> tuple[str, bool]:
        """Return a stored secret, or make one.

        Returns:
            The secret, and whether it was made just now.

        """
        kept = self.secret(name)
        if kept is not None:
            return kept, False
        return self.keep_secret(name, prefix + secrets.token_urlsafe(32)), True

    def note(self, name: str, content: dict[str, str | int | float]) -> None:
        """Write down what runs under a name."""
        aside = self.run / f".{name}.json"
        aside.write_text(json.dumps(content))
        aside.replace(self.run / f"{name}.json")

    def noted(self, name: str) -> dict[str, str | int | float]:
        """Return what was noted under a name; nothing where there is no readable note."""
        try:
            content = json.loads((self.run / f"{name}.json").read_text())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def forget(self, name: str) -> None:
        """Remove a note."""
        (self.run / f"{name}.json").unlink(missing_ok=True)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Let one command at a time start or stop things in this folder."""
        with (self.run / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
