"""A journal's lines say what was written, or that they cannot."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from solaris_hooks.ledger.journal.lines import (
    Header,
    Passed,
    Record,
    Unused,
    Used,
    header_line,
    read_lines,
    record_line,
)
from solaris_hooks.ledger.records import Settlement
from solaris_hooks.quota.ids import AccountId, MemberId, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource

NOW = dt.datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=dt.UTC)
ANA = AccountId("user:ana")
TEAM = AccountId("team:red")
RUI = MemberId("user:rui")
HEADER = Header(UUID(int=7), 42, NOW)


def used(charge: int = 42, **details: object) -> Used:
    usage = Usage(input_tokens=30, output_tokens=12, cached_input_tokens=10, reasoning_tokens=5)
    return Used(Settlement(ANA, new_hold_id(), "gpt-4o", charge, usage, UsageSource.ESTIMATE, details), NOW)


RECORDS: list[Record] = [
    Passed(ANA, new_hold_id(), "gpt-4o", 5000, 40, NOW),
    used(weights=["1", "0.376"]),
    Unused(ANA, new_hold_id(), NOW),
    Passed(TEAM, new_hold_id(), "gpt-4o", 5000, 40, NOW, RUI),
    Used(replace(used().settlement, account_id=TEAM, member_id=RUI), NOW),
]
FILE = header_line(HEADER) + b"".join(map(record_line, RECORDS))


def test_what_was_written_is_read() -> None:
    header, *lines = read_lines(FILE)
    assert header.header == HEADER
    assert [line.record for line in lines] == RECORDS
    assert lines[-1].end == len(FILE)
    assert not any(line.damaged or line.torn for line in lines)


@given(st.text(max_size=60), st.integers(0, 10**15))
def test_whatever_a_model_is_called_stays_on_one_line(model: str, charge: int) -> None:
    record = Used(Settlement(ANA, new_hold_id(), model, charge, Usage(1, 2), UsageSource.PROVIDER), NOW)
    line = record_line(record)
    assert line.count(b"\n") == 1
    assert [each.record for each in read_lines(line)] == [record]


def test_a_torn_last_line_is_skipped_and_is_no_damage() -> None:
    for cut in range(1, len(record_line(RECORDS[-1]))):
        *before, last = read_lines(FILE[:-cut])
        assert [line.record for line in before[1:]] == RECORDS[:-1]
        assert last.torn
        assert not last.damaged
        assert last.record is None


def test_a_file_whose_end_the_disk_filled_with_zeros_is_torn() -> None:
    *before, last = read_lines(FILE + bytes(4096))
    assert [line.record for line in before[1:]] == RECORDS
    assert last.torn


def test_a_changed_byte_costs_its_own_record_alone() -> None:
    start = len(header_line(HEADER))
    for where in range(start, start + len(record_line(RECORDS[0])) - 1):
        data = bytearray(FILE)
        data[where] ^= 0x11
        lines = list(read_lines(bytes(data)))
        assert [line.record for line in lines if line.record is not None] == RECORDS[1:]
        assert sum(line.damaged for line in lines) >= 1


def test_a_line_of_a_later_version_is_damage_and_not_a_guess() -> None:
    later = header_line(HEADER).replace(b'"version":1', b'"version":2')
    assert all(line.header is None for line in read_lines(later + record_line(RECORDS[0])))
