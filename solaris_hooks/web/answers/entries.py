"""Lines of the ledger, as the API answers them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Self

from pydantic import Field

from solaris_hooks.ledger.records import Entry, EntryKind
from solaris_hooks.web.answers.answer import Answer
from solaris_hooks.web.fields import Instant


class EntryAnswer(Answer):
    """One line of an account's ledger: never changed, never removed."""

    number: int
    kind: EntryKind
    tokens: int = Field(description="What it adds to (takes from) allowance left + credits - overage.")
    allowance_after: int
    credits_after: int
    overage_after: int
    at: Instant
    actor: str | None = Field(description="Who made it; null in your own account.")
    reason: str | None
    idempotency_key: str | None = Field(description="What keeps it from being made twice; null in your own account.")
    details: dict[str, Any]
    previous_hash: str = Field(description="SHA-256 of the entry before, hexadecimal.")
    hash: str = Field(description="SHA-256 over previous_hash and every other field, hexadecimal.")
    sealed_reason: str | None = Field(
        description="What the chain has in place of the reason: a salted digest, so that its words can be erased."
    )

    @classmethod
    def of(cls, entry: Entry, *, own: bool = False) -> Self:
        """An entry; ``own`` leaves out who made it and by which key."""
        return cls(
            number=entry.number,
            kind=entry.kind,
            tokens=entry.tokens,
            allowance_after=entry.allowance_after,
            credits_after=entry.credits_after,
            overage_after=entry.overage_after,
            at=entry.at,
            actor=None if own else entry.actor,
            reason=entry.reason,
            idempotency_key=None if own else entry.idempotency_key,
            details=json.loads(entry.details),
            previous_hash=entry.previous_hash.hex(),
            hash=entry.hash.hex(),
            sealed_reason=entry.sealed_reason,
        )


class EntriesAnswer(Answer):
    """A page of entries, newest first."""

    data: list[EntryAnswer]
    next_before: int | None = Field(description="Send it as `before` for the next page; null on the last one.")

    @classmethod
    def of(cls, entries: Sequence[Entry], limit: int, *, own: bool = False) -> Self:
        """A page, from up to ``limit + 1`` entries."""
        page = entries[:limit]
        return cls(
            data=[EntryAnswer.of(entry, own=own) for entry in page],
            next_before=page[-1].number if len(entries) > limit else None,
        )
