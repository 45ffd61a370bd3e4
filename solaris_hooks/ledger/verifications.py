"""Verifications that people asked for: how far each has come, and what it has found."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from uuid_utils.compat import uuid7

from solaris_hooks.ledger.records import Flaw, Verification
from solaris_hooks.ledger.statements import Statements
from solaris_hooks.ledger.wire_format import Row
from solaris_hooks.quota.ids import AccountId

SILENCE = dt.timedelta(minutes=1)
"""A verification whose process was not heard of for so long is lost: it tells every few seconds how far it is."""

MOST_FLAWS_KEPT = 200
"""Flaws that are kept one by one; `solaris ledger verify` names all."""

_MOST_ERROR = 500


class VerificationState(StrEnum):
    """How a verification ended, if it did."""

    RUNNING = "running"
    GOOD = "good"
    FLAWED = "flawed"
    FAILED = "failed"
    LOST = "lost"
    """Its process died."""


@dataclass(frozen=True, slots=True)
class VerificationRun:
    """A verification.

    Attributes:
        account_id: None for all accounts.
        accounts: how many were recomputed so far.
        entries: how many were recomputed so far.
        flaws: how many were found; None where it has not come to an end.
        found: the first of them.
        error: why it has not come to an end.
    """

    verification_id: UUID
    account_id: AccountId | None
    requested_by: str
    state: VerificationState
    began_at: dt.datetime
    seen_at: dt.datetime
    ended_at: dt.datetime | None
    accounts: int
    entries: int
    flaws: int | None
    found: Sequence[Flaw]
    error: str | None


@dataclass(frozen=True, slots=True)
class CheckpointTaken:
    """A checkpoint that the books list: its file proves what they were.

    Attributes:
        sha256: of the file's content before its last line, in hexadecimal.
        key_id: of the key that signed it.
    """

    number: int
    taken_at: dt.datetime
    accounts: int
    sha256: str
    key_id: str


class Verifications:
    """The list of them, on PostgreSQL."""

    def __init__(self, statements: Statements, clock: Callable[[], dt.datetime | None]) -> None:
        """Keep what runs statements, and a clock (None leaves time to the database)."""
        self._statements = statements
        self._clock = clock

    async def begin(self, account_id: AccountId | None, *, actor: str) -> UUID:
        """List a verification that begins now.

        Raises:
            ConflictError: all accounts are to be verified, and are being verified already.
        """
        verification_id = uuid7()
        await self._statements.one(
            "begin_verification",
            {
                "verification_id": verification_id,
                "account_id": account_id,
                "actor": actor,
                "silence": SILENCE,
                "now": self._clock(),
            },
        )
        return verification_id

    async def seen(self, verification_id: UUID, *, accounts: int, entries: int) -> None:
        """Write down how far one has come."""
        await self._statements.all(
            "verification_seen",
            {"verification_id": verification_id, "accounts": accounts, "entries": entries, "now": self._clock()},
        )

    async def end(self, verification_id: UUID, result: Verification) -> None:
        """Write down what one has found. What has ended stays as it was."""
        found = [
            {"account": flaw.account_id, "entry": flaw.entry, "message": flaw.message}
            for flaw in result.flaws[:MOST_FLAWS_KEPT]
        ]
        await self._ended(
            verification_id,
            accounts=result.accounts,
            entries=result.entries,
            flaws=len(result.flaws) + result.more_flaws,
            found=json.dumps(found),
            error=None,
        )

    async def fail(self, verification_id: UUID, error: str) -> None:
        """Write down why one has not come to an end. What has ended stays as it was."""
        await self._ended(
            verification_id, accounts=None, entries=None, flaws=None, found=None, error=error[:_MOST_ERROR]
        )

    async def _ended(self, verification_id: UUID, **columns: object) -> None:
        await self._statements.all(
            "verification_ended", {"verification_id": verification_id, "now": self._clock(), **columns}
        )

    async def newest(self, *, limit: int) -> Sequence[VerificationRun]:
        """Verifications, newest first."""
        return await self._found(None, limit)

    async def get(self, verification_id: UUID) -> VerificationRun | None:
        """One verification, or None."""
        found = await self._found(verification_id, 1)
        return found[0] if found else None

    async def _found(self, verification_id: UUID | None, limit: int) -> Sequence[VerificationRun]:
        rows = await self._statements.all(
            "verifications",
            {"verification_id": verification_id, "limit": limit, "silence": SILENCE, "now": self._clock()},
        )
        return [_run(row) for row in rows]

    async def checkpoints(self, *, limit: int) -> Sequence[CheckpointTaken]:
        """Checkpoints that were taken, newest first."""
        rows = await self._statements.all("checkpoints", {"limit": limit})
        return [CheckpointTaken(**row) for row in rows]


def _run(row: Row) -> VerificationRun:
    columns = {name: value for name, value in row.items() if name != "lost"}
    found = [Flaw(AccountId(each["account"]), each["entry"], each["message"]) for each in columns.pop("found")]
    return VerificationRun(**columns, found=found, state=_state(row))


def _state(row: Row) -> VerificationState:
    if row["ended_at"] is None:
        return VerificationState.LOST if row["lost"] else VerificationState.RUNNING
    if row["flaws"] is None:
        return VerificationState.FAILED
    return VerificationState.FLAWED if row["flaws"] else VerificationState.GOOD
