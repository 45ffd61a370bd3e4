"""The digest of an entry, pinned: history that was written must verify for ever."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from solaris_hooks.ledger.chain import GENESIS, canonical, entry_digest, microseconds, netstring
from solaris_hooks.ledger.records import Entry, EntryKind
from solaris_hooks.quota.ids import AccountId

ENTRY = Entry(
    account_id=AccountId("user:zoë"),
    number=2,
    kind=EntryKind.USAGE,
    tokens=-120,
    allowance_after=999_880,
    credits_after=0,
    overage_after=0,
    at=dt.datetime(2026, 1, 15, 12, 0, 0, 1, tzinfo=dt.UTC),
    actor="proxy",
    reason=None,
    idempotency_key="usage:1",
    details='{"n": 1}',
    previous_hash=GENESIS,
    hash=b"",
)
CANONICAL = '9:user:zoë,1:2,5:usage,4:-120,6:999880,1:0,1:0,16:1768478400000001,5:proxy,-7:usage:1,8:{"n": 1},'.encode()


def test_the_canonical_form_is_netstrings_of_octets_in_a_fixed_order() -> None:
    assert canonical(ENTRY) == CANONICAL


def test_the_digest_covers_the_digest_before() -> None:
    assert entry_digest(GENESIS, ENTRY) == hashlib.sha256(bytes(32) + CANONICAL).digest()
    assert entry_digest(b"\1" * 32, ENTRY) != entry_digest(GENESIS, ENTRY)


def test_nothing_and_an_empty_text_are_not_the_same() -> None:
    assert (netstring(None), netstring(""), netstring("-")) == (b"-", b"0:,", b"1:-,")
    assert entry_digest(GENESIS, ENTRY) != entry_digest(GENESIS, replace(ENTRY, reason=""))


texts = st.lists(st.none() | st.text(alphabet="a:,-1é0", max_size=6), min_size=2, max_size=4)


@given(texts, texts)
def test_no_two_lists_of_texts_read_the_same(one: list[str | None], other: list[str | None]) -> None:
    same = b"".join(map(netstring, one)) == b"".join(map(netstring, other))
    assert same == (one == other)


@given(st.datetimes(timezones=st.timezones()))
def test_times_count_whole_microseconds_whatever_their_zone(at: dt.datetime) -> None:
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    assert epoch + dt.timedelta(microseconds=microseconds(at)) == at.astimezone(dt.UTC)
