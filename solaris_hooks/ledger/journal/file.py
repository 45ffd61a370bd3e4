"""One journal file on disk. Everything here blocks: callers run it in a thread."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from solaris_hooks.ledger.journal.lines import Header, Line, header_line, read_lines
from solaris_hooks.quota.errors import JournalError

SUFFIX = ".journal"
UNFINISHED_SUFFIX = ".new"
KEPT_SUFFIX = ".kept"
"""Of a file with something in it that could not be booked: for people to look at, never removed by us."""

_READ_BYTES = 1 << 20
_HEADER_BYTES = 4096

Write = Callable[[int, bytes], int]


class JournalFile:
    """A file that this process holds open and locked; the lock goes with the process, however it ends."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Take over an open and locked file; see ``create`` and ``lock``."""
        self.path = path
        self._descriptor = descriptor
        self.size = os.fstat(descriptor).st_size
        self._begin = b""

    @classmethod
    def create(cls, folder: Path, header: Header) -> JournalFile:
        """Make a new file, safe on disk with its header before anybody else can see it.

        Raises:
            JournalError: it cannot be made; nothing is left of it.
        """
        name = folder / f"{header.pid}-{secrets.token_hex(6)}"
        unfinished = name.with_suffix(UNFINISHED_SUFFIX)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            made = cls(name.with_suffix(SUFFIX), descriptor)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                made.append([header_line(header)])
                unfinished.rename(made.path)
                _sync_folder(folder)
            except BaseException:
                made.close()
                with contextlib.suppress(OSError):
                    unfinished.unlink()
                raise
        except OSError as exc:
            raise JournalError(_said(folder, exc)) from exc
        return made

    @classmethod
    def lock(cls, path: Path) -> JournalFile | None:
        """Take over the file of a process that is gone; None where it is not, or somebody else took it.

        Raises:
            JournalError: the file cannot be opened.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise JournalError(_said(path, exc)) from exc
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return None
        if os.fstat(descriptor).st_nlink == 0 or not path.exists():  # whoever had it has just finished with it
            os.close(descriptor)
            return None
        return cls(path, descriptor)

    def append(self, lines: Sequence[bytes], write: Write = os.write) -> None:
        """Write lines and wait until they are on the disk: all of them, or none that will be read.

        Args:
            lines: each with its newline.
            write: as ``os.write``; tests let the disk fill up.

        Raises:
            JournalError: they are not safe; what was written of them has been cut off again.
        """
        data = self._begin + b"".join(lines)
        written = 0
        try:
            while written < len(data):
                written += write(self._descriptor, data[written:])
            os.fdatasync(self._descriptor)
        except OSError as exc:
            self._cut_off()
            raise JournalError(_said(self.path.parent, exc)) from exc
        self.size += len(data)
        self._begin = b""

    def header(self) -> Header | None:
        """What the first line says; None where it cannot be read."""
        first = next(read_lines(os.pread(self._descriptor, _HEADER_BYTES, 0)), None)
        return first.header if first is not None else None

    def read(self, offset: int) -> list[Line]:
        """Some lines from an offset on; none at the end of the file."""
        data = os.pread(self._descriptor, _READ_BYTES, offset)
        to_the_end = offset + len(data) >= os.fstat(self._descriptor).st_size
        if not to_the_end:
            data = data[: data.rfind(b"\n") + 1] or data
        return list(read_lines(data, offset=offset, to_the_end=to_the_end))

    def remove(self) -> None:
        """Everything in it is booked: remove it."""
        self.path.unlink(missing_ok=True)
        self.close()

    def keep(self) -> Path:
        """Something in it could not be booked: put it aside for people. Returns its new path."""
        aside = self.path.with_suffix(KEPT_SUFFIX)
        with contextlib.suppress(OSError):
            self.path.rename(aside)
        self.close()
        return aside

    def close(self) -> None:
        """Let go of the file, which unlocks it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _cut_off(self) -> None:
        """Take back what was half-written: a piece of a line would swallow the start of the next one."""
        try:
            os.ftruncate(self._descriptor, self.size)
        except OSError:
            self.size = os.fstat(self._descriptor).st_size
            self._begin = b"\n"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _said(place: Path, error: OSError) -> str:
    return f"The journal in {place} cannot be written ({error.strerror}); free space, or set journal_dir."
