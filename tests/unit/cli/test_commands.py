"""Accounts, credits, plans and history at the terminal."""

from __future__ import annotations

import asyncio
import getpass
import json
import re
from dataclasses import replace
from uuid import UUID

import pytest

from solaris_hooks.cli import runtime
from solaris_hooks.credits.requests import CreditRequests
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.port import Ledger
from solaris_hooks.ledger.records import AccountChange, HoldRequest
from solaris_hooks.ledger.sweep import SweepReport
from solaris_hooks.quota.ids import AccountId, HoldId
from solaris_hooks.settings import CreditRequestLimits, Settings
from tests.unit.cli.conftest import Solaris

MARIA = AccountId("user:maria")
pytestmark = pytest.mark.usefixtures("ledger")


def test_an_account_is_made_changed_and_shown(solaris: Solaris) -> None:
    made = solaris("accounts", "set", "user:maria", "--email", "m@x.y", "--json")
    assert (made.code, made.json["allowance"]) == (0, {"granted": 1_000_000, "used": 0})
    suspended = solaris("accounts", "set", "user:maria", "--status", "suspended", "--reason", "Fatura", "--json")
    assert (suspended.json["status"], suspended.json["status_reason"]) == ("suspended", "Fatura")
    shown = solaris("accounts", "show", "user:maria")
    assert shown.code == 0
    assert "suspended: Fatura" in shown.out
    assert re.search(r"^allowance granted +1,000,000$", shown.out, re.MULTILINE)
    assert solaris("accounts", "show", "user:maria", "--json").json == suspended.json


def test_accounts_are_listed_in_plain_columns_where_nobody_watches(solaris: Solaris) -> None:
    for name in ("ana", "bia", "cid"):
        solaris("accounts", "set", f"user:{name}", "--email", f"{name}@example.org")
    listed = solaris("accounts", "list", "--limit", "2")
    assert [line.split() for line in listed.out.splitlines()] == [
        ["account", "status", "state", "plan", "used", "%", "available", "held", "e-mail"],
        ["user:ana", "active", "normal", "default", "0", "1,000,000", "0", "ana@example.org"],
        ["user:bia", "active", "normal", "default", "0", "1,000,000", "0", "bia@example.org"],
    ]
    assert "\x1b" not in listed.out
    cursor = solaris("accounts", "list", "--limit", "2", "--json").json["next_cursor"]
    assert f"--cursor {cursor}" in listed.err
    rest = solaris("accounts", "list", "--cursor", cursor, "--json").json
    assert [account["id"] for account in rest["data"]] == ["user:cid"]
    assert rest["next_cursor"] is None
    found = solaris("accounts", "list", "--query", "BIA@", "--json").json["data"]
    assert [account["id"] for account in found] == ["user:bia"]


def test_a_hostile_name_cannot_move_the_terminal(solaris: Solaris, ledger: MemoryLedger) -> None:
    change = AccountChange(email="\x1b[2J[bold]x@y.z\r\n", name="\x1b]0;title\x07")
    asyncio.run(ledger.put_account(MARIA, change, actor="test"))
    for done in (solaris("accounts", "list"), solaris("accounts", "show", "user:maria")):
        assert not set("\x1b\r\x07") & set(done.out)
        assert "[bold]" in done.out


def test_credits_are_granted_once_for_each_key(solaris: Solaris) -> None:
    solaris("accounts", "set", "user:maria")
    grant = ("credits", "grant", "user:maria", "500", "--reason", "Bought", "--idempotency-key", "k", "--json")
    first, again = solaris(*grant), solaris(*grant)
    assert first.json == again.json
    [lot] = first.json["credits"]["lots"]
    assert (lot["tokens"], lot["reason"], lot["actor"]) == (500, "Bought", "cli:op")
    conflict = solaris("credits", "grant", "user:maria", "501", *grant[4:])
    assert (conflict.code, conflict.error["type"]) == (2, "idempotency_conflict")


def test_without_a_key_each_grant_is_another(solaris: Solaris) -> None:
    solaris("accounts", "set", "user:maria")
    for _ in range(2):
        done = solaris("credits", "grant", "user:maria", "5", "--reason", "r", "--expires-at", "2027-01-01T00:00:00Z")
        assert done.code == 0
    assert solaris("accounts", "show", "user:maria", "--json").json["credits"]["remaining"] == 10


def test_entries_come_newest_first(solaris: Solaris) -> None:
    solaris("accounts", "set", "user:maria")
    solaris("credits", "grant", "user:maria", "500", "--reason", "Bought")
    page = solaris("entries", "user:maria", "--limit", "1", "--json").json
    assert [(entry["kind"], entry["actor"]) for entry in page["data"]] == [("credit", "cli:op")]
    older = solaris("entries", "user:maria", "--before", str(page["next_before"]))
    assert "opening" in older.out
    assert "credit " not in older.out


def test_holds_of_all_and_of_one(solaris: Solaris, ledger: MemoryLedger) -> None:
    for number, name in enumerate(("user:maria", "user:jose")):
        hold = HoldId(UUID(int=number + 1))
        asyncio.run(ledger.hold(HoldRequest(AccountId(name), hold, "gpt", 70, 1, 1, lease_seconds=60)))
    assert [each["amount"] for each in solaris("holds", "--json").json["data"]] == [70, 70]
    assert [each["account_id"] for each in solaris("holds", "user:jose", "--json").json["data"]] == ["user:jose"]
    assert "gpt" in solaris("holds").out
    solaris("accounts", "set", "user:idle")
    assert solaris("holds", "user:idle").out == "Nothing is held.\n"


def test_sweep_tells_what_it_did(solaris: Solaris, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    async def sweep(_: Ledger, __: Settings, *, limit: int) -> SweepReport:
        asked.append(limit)
        return SweepReport(swept=3, from_spend_logs=1, estimated=2, released=0)

    monkeypatch.setattr(runtime, "sweep", sweep)
    assert solaris("sweep", "--limit", "7").out == ("Ended 3 holds: 1 by LiteLLM's logs, 2 by estimate, 0 released.\n")
    assert solaris("sweep", "--json").json == {"swept": 3, "from_spend_logs": 1, "estimated": 2, "released": 0}
    assert asked == [7, 100]


def test_plans_are_made_changed_and_shown(solaris: Solaris) -> None:
    assert solaris("plans", "set", "big", "--monthly-tokens", "5", "--thresholds", "50,90").code == 0
    changed = solaris("plans", "set", "big", "--monthly-tokens", "7", "--json")
    assert (changed.json["monthly_tokens"], changed.json["thresholds"]) == (7, [50, 90])
    changed = solaris("plans", "set", "big", "--thresholds", "100", "--json")
    assert (changed.json["monthly_tokens"], changed.json["thresholds"]) == (7, [100])
    assert solaris("plans", "show", "big", "--json").json == changed.json
    assert [plan["id"] for plan in solaris("plans", "list", "--json").json["data"]] == ["big", "default"]
    assert "1,000,000" in solaris("plans", "list").out


def test_terms_of_a_plan_are_set_kept_and_taken_away(solaris: Solaris) -> None:
    given = ["--max-in-flight", "2", "--overdraft", "70", "--allowed-models", "gpt-*,o3", "--no-notices"]
    weights = ["--weights", '{"gpt-*": {"input": "0.376", "output": 2}}']
    trial = ["--trial-days", "14", "--trial-then", "default", "--reason", "New terms"]
    made = solaris("plans", "set", "big", "--monthly-tokens", "5", *given, *weights, *trial, "--json").json
    assert (made["max_in_flight"], made["overdraft"], made["allowed_models"]) == (2, 70, ["gpt-*", "o3"])
    assert (made["notices"], made["trial_days"], made["trial_then"]) == (False, 14, "default")
    assert made["weights"] == {"gpt-*": {"input": "0.376", "cached_input": "0.376", "output": "2"}}
    changed = solaris("plans", "set", "big", "--clear", "max_in_flight", "--clear", "weights", "--json").json
    assert changed == made | {"max_in_flight": None, "weights": None}
    assert re.search(r"^big .* gpt-\*, o3 +14 days, then default$", solaris("plans", "show", "big").out, re.MULTILINE)


@pytest.mark.parametrize(
    ("options", "param"),
    [(["--weights", "{"], "weights"), (["--clear", "overdraft"], None), (["--max-in-flight", "0"], "max_in_flight")],
)
def test_terms_that_cannot_be_are_wrong_use(solaris: Solaris, options: list[str], param: str | None) -> None:
    told = solaris("plans", "set", "default", *options, "--json")
    assert told.code == 2
    assert json.loads(told.err)["error"]["param"] == param


def test_books_that_balance(solaris: Solaris) -> None:
    solaris("accounts", "set", "user:maria")
    assert solaris("ledger", "verify").out.startswith("The books balance: 1 account and 1 entry")
    assert solaris("ledger", "verify", "user:maria", "--json").json["ok"]


def test_a_flaw_is_named_and_ends_with_1(solaris: Solaris, ledger: MemoryLedger) -> None:
    for name in ("user:maria", "user:jose"):
        solaris("accounts", "set", name)
    entries = ledger._accounts[AccountId("user:jose")].entries
    entries[0] = replace(entries[0], reason="forged")
    told = solaris("ledger", "verify")
    assert told.code == 1
    assert ["user:jose", "1"] in [line.split()[:2] for line in told.out.splitlines()]
    assert "user:maria" not in told.out
    machine = solaris("ledger", "verify", "--json")
    assert machine.code == 1
    assert {(flaw["account_id"], flaw["entry"]) for flaw in machine.json["flaws"]} == {("user:jose", 1)}
    assert solaris("ledger", "verify", "user:maria").code == 0


def test_migrate_names_what_it_applied(solaris: Solaris, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "migrate", lambda _: ["0001.tables"])
    assert solaris("migrate").out == "Applied 0001.tables.\n"
    assert solaris("migrate", "--json").json == {"applied": ["0001.tables"]}
    monkeypatch.setattr(runtime, "migrate", lambda _: [])
    assert solaris("migrate").out == "The schema is up to date.\n"


def test_the_books_name_the_machine_s_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert runtime.actor() == f"cli:{getpass.getuser()}"


def test_figures_are_never_broken_over_two_lines(solaris: Solaris, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a narrow terminal, with a long reason."""
    solaris("accounts", "set", "user:maria")
    solaris("credits", "grant", "user:maria", "1234567", "--reason", "long " * 30)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    watched = re.sub(r"\x1b\[[0-9;]*m", "", solaris("entries", "user:maria").out)
    assert "1,234,567" in watched
    assert "2026-11-22 12:00:00Z" in watched
    assert max(map(len, watched.splitlines())) < 200


def test_the_trail_tells_changes_newest_first(solaris: Solaris) -> None:
    solaris("accounts", "set", "user:maria", "--name", "Maria")
    solaris("accounts", "set", "user:maria", "--status", "suspended", "--note", "asked by finance")
    page = solaris("audit", "--limit", "1", "--json").json
    [record] = page["data"]
    assert (record["actor"], record["action"], record["reason"]) == ("cli:op", "account.change", "asked by finance")
    told = solaris("audit", "--account", "user:maria")
    assert 'status: "active" -> "suspended"' in told.out
    assert 'name: "Maria"' in told.out
    assert "account.create" in solaris("audit", "--before", str(page["next_before"])).out
    assert solaris("audit", "--actor", "nobody").out == "Nothing was changed.\n"


def test_a_suspension_needs_a_reason(solaris: Solaris) -> None:
    done = solaris("accounts", "set", "user:maria", "--status", "suspended")
    assert (done.code, "give a reason" in done.err) == (2, True)


def test_lots_are_listed_and_taken_back(solaris: Solaris) -> None:
    solaris("accounts", "set", "user:maria")
    solaris("credits", "grant", "user:maria", "1234", "--reason", "r", "--origin", "bonus")
    assert solaris("credits", "grant", "user:maria", "1", "--reason", "r", "--origin", "request").code == 2
    [lot] = solaris("credits", "lots", "user:maria", "--json").json["data"]
    assert (lot["tokens"], lot["origin"]) == (1234, "bonus")
    revoke = ("credits", "revoke", "user:maria", lot["id"], "--reason", "mistake")
    assert solaris(*revoke).out == "Took back 1,234 tokens.\n"
    assert solaris(*revoke, "--json").json["revoked"] == 0
    assert "bonus" in solaris("credits", "lots", "user:maria").out
    assert "credit_revocation" in solaris("entries", "user:maria").out


def test_requests_are_listed_and_decided(solaris: Solaris, ledger: MemoryLedger) -> None:
    solaris("accounts", "set", "user:maria")
    asking = CreditRequests(ledger.requests, limits=CreditRequestLimits())
    first, second = (asyncio.run(asking.request(MARIA, tokens, "why", actor="user:maria")) for tokens in (70, 80))
    assert [each["tokens"] for each in solaris("requests", "list", "--json").json["data"]] == [80, 70]
    approved = solaris("requests", "approve", str(first.request_id), "--tokens", "50", "--json").json
    assert (approved["state"], approved["granted_tokens"], approved["decided_by"]) == ("approved", 50, "cli:op")
    assert "Sem verba" in solaris("requests", "reject", str(second.request_id), "--reason", "Sem verba").out
    assert solaris("requests", "list", "--state", "requested").out == "There are no such requests.\n"
    again = solaris("requests", "reject", str(first.request_id), "--reason", "x", "--json")
    assert (again.code, again.error["type"]) == (2, "request_decided")
    assert solaris("requests", "list", "--state", "odd").code == 2
    assert solaris("accounts", "show", "user:maria", "--json").json["credits"]["remaining"] == 50
