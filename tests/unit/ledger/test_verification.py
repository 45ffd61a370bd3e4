"""What a verifier finds, and that it finds it once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import pytest

from solaris_hooks.ledger.chain import GENESIS, entry_digest
from solaris_hooks.ledger.records import Entry, EntryKind, Flaw
from solaris_hooks.ledger.verification import MOST_MISSING, AccountVerifier, StoredFigures
from solaris_hooks.quota.ids import AccountId

ANA = AccountId("user:ana")


def _chain(length: int, account_id: AccountId = ANA) -> list[Entry]:
    entries: list[Entry] = []
    for number in range(1, length + 1):
        draft = Entry(
            account_id=account_id,
            number=number,
            kind=EntryKind.CREDIT,
            tokens=10,
            allowance_after=0,
            credits_after=10 * number,
            overage_after=0,
            at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
            actor="root",
            reason="test",
            idempotency_key=f"credit:{number}",
            details="{}",
            previous_hash=entries[-1].hash if entries else GENESIS,
            hash=b"",
        )
        entries.append(_sealed(draft))
    return entries


def _sealed(entry: Entry) -> Entry:
    return replace(entry, hash=entry_digest(entry.previous_hash, entry))


def _figures(entries: Sequence[Entry]) -> StoredFigures:
    last = entries[-1]
    return StoredFigures(
        account_id=last.account_id,
        entries=last.number,
        chain=last.hash,
        allowance_left=last.allowance_after,
        credits_remaining=last.credits_after,
        overage=last.overage_after,
        held=7,
        holds_sum=7,
        lots_sum=last.credits_after,
    )


def _flaws(entries: Sequence[Entry], stored: StoredFigures | None) -> Sequence[Flaw]:
    verifier = AccountVerifier()
    for entry in entries:
        verifier.entry(entry)
    if stored:
        verifier.account(stored)
    return verifier.result().flaws


def test_books_in_order_have_no_flaw() -> None:
    entries = _chain(5)
    assert _flaws(entries, _figures(entries)) == ()


def test_accounts_may_come_one_after_the_other_or_all_entries_first() -> None:
    chains = [_chain(3, AccountId(f"user:{name}")) for name in "ab"]
    verifier = AccountVerifier()
    for entry in (*chains[0], *chains[1]):
        verifier.entry(entry)
    for entries in chains:
        verifier.account(_figures(entries))
    result = verifier.result()
    assert (result.accounts, result.entries, result.ok) == (2, 6, True)


@pytest.mark.parametrize(
    "forged",
    [
        {"tokens": 11},
        {"kind": EntryKind.OPENING},
        {"allowance_after": 1},
        {"at": dt.datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=dt.UTC)},
        {"actor": "toor"},
        {"reason": None},
        {"idempotency_key": "credit:33"},
        {"details": "{} "},
        {"previous_hash": b"\1" * 32},
        {"hash": b"\1" * 32},
    ],
)
def test_a_forged_field_is_found_at_its_entry(forged: dict[str, object]) -> None:
    entries = _chain(5)
    stored = _figures(entries)
    entries[2] = replace(entries[2], **forged)  # type: ignore[arg-type]
    assert 3 in {flaw.entry for flaw in _flaws(entries, stored)}


def test_an_entry_moved_to_another_account_is_found_in_both() -> None:
    entries = _chain(3)
    stored = _figures(entries)
    entries[1] = replace(entries[1], account_id=AccountId("user:bia"))
    found = {(flaw.account_id, flaw.entry) for flaw in _flaws(entries, stored)}
    assert {(ANA, 2), ("user:bia", 2), ("user:bia", None)} <= found


def test_tokens_that_do_not_lead_to_the_balance_are_found_even_with_fitting_digests() -> None:
    entries = _chain(3)
    entries[2] = _sealed(replace(entries[2], tokens=9))
    (flaw,) = _flaws(entries, _figures(entries))
    assert (flaw.entry, "moves 9 tokens" in flaw.message) == (3, True)


def test_a_chain_that_does_not_begin_with_its_genesis_is_found() -> None:
    entry = _sealed(replace(_chain(1)[0], previous_hash=b"\1" * 32))
    (flaw,) = _flaws([entry], _figures([entry]))
    assert flaw.entry == 1


def test_a_hole_is_told_once_and_what_follows_is_checked_on() -> None:
    entries = _chain(6)
    stored = _figures(entries)
    later = replace(entries[4], actor="toor")
    found = [(flaw.entry, flaw.message) for flaw in _flaws([*entries[:2], entries[3], later, entries[5]], stored)]
    assert [number for number, _ in found] == [3, 5]
    assert found[0][1] == "entry 3 is missing"


def test_a_huge_hole_is_not_told_entry_by_entry() -> None:
    entry = _sealed(replace(_chain(1)[0], number=10**9))
    assert len(_flaws([entry], _figures([entry]))) == MOST_MISSING


def test_a_number_that_comes_twice_is_found() -> None:
    entries = _chain(3)
    assert {flaw.entry for flaw in _flaws([*entries, entries[1]], None)} == {2, None}


@pytest.mark.parametrize(
    ("forged", "word"),
    [
        ({"entries": 4}, "counts 4 entries"),
        ({"chain": b"\1" * 32}, "digest"),
        ({"allowance_left": 1}, "allowance left"),
        ({"credits_remaining": 31, "lots_sum": 31}, "credits remaining"),
        ({"overage": 1}, "overage"),
        ({"held": 8}, "held"),
        ({"holds_sum": 6}, "held"),
        ({"lots_sum": 29}, "lots"),
    ],
)
def test_figures_that_differ_are_found(forged: dict[str, object], word: str) -> None:
    entries = _chain(3)
    (flaw,) = _flaws(entries, replace(_figures(entries), **forged))  # type: ignore[arg-type]
    assert (flaw.account_id, flaw.entry) == (ANA, None)
    assert word in flaw.message


def test_an_account_without_entries_must_have_no_figures() -> None:
    empty = StoredFigures(ANA, 0, GENESIS, 0, 0, 0, 0, 0, 0)
    assert _flaws([], empty) == ()
    assert len(_flaws([], replace(empty, allowance_left=5))) == 1


def test_entries_without_an_account_are_found() -> None:
    (flaw,) = _flaws(_chain(3), None)
    assert flaw == Flaw(ANA, None, "there are 3 entries but no account")
