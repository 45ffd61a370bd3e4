"""A checkpoint's file: JSON Lines, one for each account, between a header and the signature.

.. code-block:: text

    {"solaris_checkpoint": 1, "books": "9f...", "number": 17, "taken_at": "2026-11-22T03:00:00.000000Z", ...}
    {"account": "user:ana", "entries": 42, "digest": "5c41..."}
    {"account": "user:bia", "entries": 7, "digest": "e80f..."}
    {"sha256": "1d6b...", "signature": "b7e0..."}

Accounts are in the order of their ids' UTF-8 bytes. The SHA-256 is over every byte before the last
line, and the Ed25519 signature over the text ``solaris-checkpoint/1 <sha256 in hexadecimal>``.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from solaris_hooks.ledger.checkpoints.keys import PublicKey, SigningKey
from solaris_hooks.quota.errors import CheckpointError
from solaris_hooks.quota.ids import AccountId

FORMAT = 1
_MOST_LINE_BYTES = 8192
"""An account's id has 300 characters at the most, and JSON writes each in 6 bytes at the most."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain of an account stood.

    Attributes:
        entries: number of its newest entry.
        digest: of that entry, 32 bytes.
    """

    account_id: AccountId
    entries: int
    digest: bytes


class CheckpointHeader(BaseModel):
    """The first line: of which books, when, and by whose key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    solaris_checkpoint: int = FORMAT
    books: UUID
    number: int
    taken_at: dt.datetime
    key: str


class _Seal(BaseModel):
    """The last line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    signature: str


class Writer:
    """Writes a checkpoint beside its final place, and puts it there when all of it is on the disk."""

    def __init__(self, path: Path) -> None:
        """Begin a file next to ``path``, which must not exist.

        Raises:
            CheckpointError: it exists, or its folder cannot be written.
        """
        self.path = path
        self._unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
        if path.exists():
            raise CheckpointError(f"There is already a file {path}; checkpoints are never overwritten.")
        try:
            self._file: IO[bytes] = self._unfinished.open("xb")
        except OSError as exc:
            raise _unwritable(path, exc) from exc
        self._sha256 = hashlib.sha256()

    def lines(self, lines: Sequence[str]) -> None:
        """Append lines, each a JSON document without a line break.

        Raises:
            CheckpointError: the disk takes no more.
        """
        content = "".join(f"{line}\n" for line in lines).encode()
        self._sha256.update(content)
        self._write(content)

    def seal(self, key: SigningKey) -> bytes:
        """Sign what was written, bring it to the disk, and return its SHA-256.

        Raises:
            CheckpointError: the disk takes no more.
        """
        digest = self._sha256.digest()
        signature = key.sign(_signed_text(digest)).hex()
        self._write(f"{json.dumps({'sha256': digest.hex(), 'signature': signature})}\n".encode())
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as exc:
            raise _unwritable(self.path, exc) from exc
        return digest

    def publish(self) -> None:
        """Give the file its name.

        Raises:
            CheckpointError: its folder takes no new name.
        """
        try:
            self._file.close()
            self._unfinished.rename(self.path)
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as exc:
            raise _unwritable(self.path, exc) from exc

    def discard(self) -> None:
        """Remove what was not published."""
        self._file.close()
        self._unfinished.unlink(missing_ok=True)

    def _write(self, content: bytes) -> None:
        try:
            self._file.write(content)
        except OSError as exc:
            raise _unwritable(self.path, exc) from exc


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A file whose signature holds."""

    path: Path
    header: CheckpointHeader
    sha256: bytes

    @classmethod
    def read(cls, path: Path, key: PublicKey) -> Checkpoint:
        """Read a file to its end and check its signature, a line in memory at a time.

        Raises:
            CheckpointError: there is none, it is none, another key signed it, or it was changed.
        """
        sha256 = hashlib.sha256()
        first = last = b""
        for line in _lines(path):
            if last:
                sha256.update(last)
            first, last = first or line, line
        header, seal = _header(path, first), _seal(path, last)
        if header.solaris_checkpoint != FORMAT:
            raise CheckpointError(
                f"{path} is of format {header.solaris_checkpoint}, which only a newer version can read."
            )
        if header.key != key.key_id:
            raise CheckpointError(
                f"{path} says that key {header.key} signed it, but the given public key is {key.key_id}; "
                "give the public key that was kept when checkpoints began."
            )
        signature = _decoded(path, seal.signature)
        if seal.sha256 != sha256.hexdigest() or not key.signed(_signed_text(sha256.digest()), signature):
            raise CheckpointError(
                f"{path} was changed, or never signed by key {key.key_id}: its signature does not fit."
            )
        return cls(path, header, sha256.digest())

    def heads(self) -> Iterator[Head]:
        """Every account's head, in order of id.

        Raises:
            CheckpointError: the file is no longer the one whose signature was checked.
        """
        sha256 = hashlib.sha256()
        lines = _lines(self.path)
        sha256.update(next(lines, b""))
        waiting = next(lines, b"")
        for line in lines:  # the last is the signature's
            sha256.update(waiting)
            yield _head(self.path, waiting)
            waiting = line
        if sha256.digest() != self.sha256:
            raise CheckpointError(f"{self.path} was changed while it was read.")


def _signed_text(digest: bytes) -> bytes:
    return f"solaris-checkpoint/{FORMAT} {digest.hex()}".encode()


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while line := file.readline(_MOST_LINE_BYTES):
                if not line.endswith(b"\n"):
                    raise _broken(path)
                yield line
    except OSError as exc:
        raise CheckpointError(f"The checkpoint {path} cannot be read: {exc.strerror or exc}.") from exc


def _header(path: Path, line: bytes) -> CheckpointHeader:
    try:
        return CheckpointHeader.model_validate_json(line)
    except ValidationError as exc:
        raise _broken(path) from exc


def _seal(path: Path, line: bytes) -> _Seal:
    try:
        return _Seal.model_validate_json(line)
    except ValidationError as exc:
        raise _broken(path) from exc


def _head(path: Path, line: bytes) -> Head:
    try:
        fields = json.loads(line)
        return Head(AccountId(fields["account"]), int(fields["entries"]), bytes.fromhex(fields["digest"]))
    except (ValueError, KeyError, TypeError) as exc:
        raise _broken(path) from exc


def _decoded(path: Path, signature: str) -> bytes:
    try:
        return bytes.fromhex(signature)
    except ValueError as exc:
        raise _broken(path) from exc


def _broken(path: Path) -> CheckpointError:
    return CheckpointError(f"{path} is no whole checkpoint: it was cut off or changed, or is another kind of file.")


def _unwritable(path: Path, error: OSError) -> CheckpointError:
    return CheckpointError(f"The checkpoint {path} cannot be written: {error.strerror or error}.")
