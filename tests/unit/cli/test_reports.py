"""``solaris reports`` and lists of accounts in any order."""

from __future__ import annotations

import zipfile
from pathlib import Path

from tests.unit.cli.conftest import Solaris


def some_accounts(solaris: Solaris) -> None:
    solaris("accounts", "set", "user:a", "--name", "=Ana")
    solaris("accounts", "set", "user:b", "--status", "suspended", "--reason", "late")


def test_accounts_are_listed_by_status_and_in_any_order(solaris: Solaris, ledger: object) -> None:
    del ledger
    some_accounts(solaris)
    listed = solaris("accounts", "list", "--status", "suspended", "--json").json
    assert [each["id"] for each in listed["data"]] == ["user:b"]
    page = solaris("accounts", "list", "--sort=-id", "--limit", "1")
    cursor = page.err.split()[-1]
    rest = solaris("accounts", "list", "--sort=-id", "--cursor", cursor, "--json").json
    assert [each["id"] for each in rest["data"]] == ["user:a"]
    assert solaris("accounts", "list", "--sort", "id", "--cursor", cursor, "--json").error["param"] == "cursor"


def test_a_table_goes_to_stdout_or_to_a_file(solaris: Solaris, ledger: object, tmp_path: Path) -> None:
    del ledger
    some_accounts(solaris)
    done = solaris("reports", "accounts")
    assert done.code == 0
    assert done.out.splitlines()[1].startswith("user:a,'=Ana,")
    assert solaris("reports", "accounts", "--format", "json").json["data"][0]["name"] == "=Ana"
    target = tmp_path / "audit.xlsx"
    assert solaris("reports", "audit", "--format", "xlsx", "--output", str(target)).code == 0
    with zipfile.ZipFile(target) as book:
        assert book.testzip() is None
    assert solaris("reports", "entries", "user:a").out.splitlines()[1].startswith("1,2026-11-22T12:00:00Z,opening,")


def test_what_cannot_be_reported_is_said_in_one_line(solaris: Solaris, ledger: object, tmp_path: Path) -> None:
    del ledger
    assert solaris("reports", "entries", "user:nobody").code == 2
    assert "cannot be written" in solaris("reports", "accounts", "--output", str(tmp_path)).err
    assert "since" in solaris("reports", "usage", "--since", "2026-02-02", "--until", "2026-02-01").err
