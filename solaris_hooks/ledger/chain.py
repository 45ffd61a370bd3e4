"""The chain over an account's entries: each digest covers the entry and the digest before it.

The SQL function ``solaris.entry_digest_v1`` computes the same bytes; the conformance suite
compares the two over every entry that it makes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Protocol

GENESIS = bytes(32)
"""What the first entry of an account names as the digest before it."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


class EntryFields(Protocol):
    """What the digest of an entry covers.

    An :class:`~solaris_hooks.ledger.records.Entry` has these fields, and so may a plain row:
    verification must be able to read a row that somebody made impossible.
    """

    @property
    def account_id(self) -> str:
        """Whose entry it is."""
        ...

    @property
    def number(self) -> int:
        """Its place in the account's ledger, from 1."""
        ...

    @property
    def kind(self) -> str:
        """What it says: the value of an :class:`~solaris_hooks.ledger.records.EntryKind`."""
        ...

    @property
    def tokens(self) -> int:
        """What it adds to allowance left + credits - overage."""
        ...

    @property
    def allowance_after(self) -> int:
        """Allowance left after it."""
        ...

    @property
    def credits_after(self) -> int:
        """Credits left after it."""
        ...

    @property
    def overage_after(self) -> int:
        """Overage owed after it."""
        ...

    @property
    def at(self) -> dt.datetime:
        """When it was written, aware."""
        ...

    @property
    def actor(self) -> str:
        """Who caused it."""
        ...

    @property
    def chained_reason(self) -> str | None:
        """Why, where somebody said so; or the digest that stands for it, so that the words can be erased."""
        ...

    @property
    def idempotency_key(self) -> str:
        """What keeps it from being written twice."""
        ...

    @property
    def details(self) -> str:
        """Further facts: the JSON text as stored."""
        ...


def netstring(text: str | None) -> bytes:
    """``<octet length>:<UTF-8 bytes>,``, or ``-`` for None: no two lists of fields read the same."""
    if text is None:
        return b"-"
    octets = text.encode()
    return b"%d:%b," % (len(octets), octets)


def microseconds(instant: dt.datetime) -> int:
    """Whole microseconds since the Unix epoch: exact, where a float would round."""
    return (instant - _EPOCH) // _MICROSECOND


def canonical(fields: EntryFields) -> bytes:
    """The bytes of an entry that its digest covers: netstrings of its fields in a fixed order."""
    return b"".join(
        map(
            netstring,
            (
                fields.account_id,
                str(fields.number),
                str(fields.kind),
                str(fields.tokens),
                str(fields.allowance_after),
                str(fields.credits_after),
                str(fields.overage_after),
                str(microseconds(fields.at)),
                fields.actor,
                fields.chained_reason,
                fields.idempotency_key,
                fields.details,
            ),
        )
    )


def entry_digest(previous_hash: bytes, fields: EntryFields) -> bytes:
    """Digest of an entry.

    Args:
        previous_hash: digest of the entry before, 32 bytes; :data:`GENESIS` for the first.
        fields: the entry.

    Returns:
        SHA-256 over ``previous_hash`` followed by the entry's canonical bytes: 32 bytes.
    """
    return hashlib.sha256(previous_hash + canonical(fields)).digest()
