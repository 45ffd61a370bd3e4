"""Terms of single accounts at the terminal."""

from __future__ import annotations

import pytest

from solaris_hooks.ledger.memory import MemoryLedger
from tests.unit.cli.conftest import Solaris


@pytest.fixture(autouse=True)
def maria(ledger: MemoryLedger, solaris: Solaris) -> None:
    solaris("plans", "set", "big", "--monthly-tokens", "2000000")
    solaris("accounts", "set", "user:maria")


def test_a_plan_is_changed_now_or_at_the_renewal(solaris: Solaris) -> None:
    change = ["accounts", "plan", "user:maria", "big", "--reason", "Grows"]
    later = solaris(*change, "--when", "renewal", "--json").json
    assert (later["plan"], later["scheduled_plan"]["plan"]) == ("default", "big")
    assert "plan at renewal      big" in solaris("accounts", "show", "user:maria").out
    cancelled = solaris("accounts", "cancel-plan", "user:maria", "--reason", "No", "--json").json
    assert cancelled["scheduled_plan"] is None
    assert solaris(*change, "--json").json["allowance"]["granted"] == 2_000_000
    assert solaris(*change, "--when", "renewal", "--pro-rata").code == 2


def test_an_account_gets_terms_of_its_own_and_loses_them(solaris: Solaris) -> None:
    until = ["--until", "2099-01-31T23:59:59Z"]
    terms = ["--overdraft", "70", "--no-limit", "max_in_flight", "--thresholds", "50,100"]
    given = solaris("accounts", "override", "user:maria", *terms, *until, "--reason", "Thesis", "--json").json
    assert [each["field"] for each in given["overrides"]] == ["max_in_flight", "overdraft", "thresholds"]
    shown = solaris("accounts", "show", "user:maria").out
    assert "own overdraft        70, until 2099-01-31 23:59:59Z: Thesis\n" in shown
    assert "own max in flight    no limit, until" in shown
    ended = solaris("accounts", "end-override", "user:maria", "overdraft", "--reason", "Done", "--json").json
    assert ended["terms"]["overdraft"] == 0
    assert solaris("accounts", "end-override", "user:maria", "price", "--reason", "r").code == 2
    assert solaris("accounts", "override", "user:maria", "--reason", "r").code == 2
