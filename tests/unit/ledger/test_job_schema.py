"""Which of the job library's migrations are applied when."""

from __future__ import annotations

from solaris_hooks.ledger.jobs.schema import due

OLD = "03.00.00_01_pre_a.sql"
PRE = "03.11.00_01_pre_b.sql"
POST = "03.11.00_50_post_b.sql"
NEXT_PRE = "03.12.00_01_pre_c.sql"
NEXT_POST = "03.12.00_50_post_c.sql"


def test_nothing_is_due_where_all_is_applied() -> None:
    assert due([OLD], {OLD: "3.10.0"}, "3.10.0") == []


def test_what_the_previous_version_still_uses_is_taken_away_a_version_later() -> None:
    assert due([PRE, POST, OLD], {OLD: "3.10.0"}, "3.11.0") == [PRE]
    applied = {OLD: "3.10.0", PRE: "3.11.0"}
    assert due([OLD, PRE, POST], applied, "3.11.0") == []
    assert due([OLD, PRE, POST], applied, "3.12.0") == [POST]


def test_a_version_that_was_left_out_is_applied_whole_and_in_order() -> None:
    shipped = [OLD, PRE, POST, NEXT_PRE, NEXT_POST]
    assert due(shipped, {OLD: "3.10.0"}, "3.12.0") == [PRE, POST, NEXT_PRE]


def test_an_older_release_leaves_a_newer_schema_alone() -> None:
    assert due([OLD], {OLD: "3.10.0", PRE: "3.11.0"}, "3.10.0") == []
