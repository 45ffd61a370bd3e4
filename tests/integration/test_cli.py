"""The command on PostgreSQL: from an empty database to books that were tampered with."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.testing import fresh_database
from solaris_hooks.cli.checks.database import facts
from solaris_hooks.cli.main import run
from tests.integration.litellm_rows import log_call

FAILED = UUID("019bc000-0000-7000-8000-000000000001")
Solaris = Callable[..., tuple[int, Any]]


@pytest.fixture
def database_url(postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> str:
    url = fresh_database(postgres)
    monkeypatch.setenv("DATABASE_URL", url)
    return url


@pytest.fixture
def solaris(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: object
) -> Solaris:
    del database_url
    monkeypatch.chdir(str(tmp_path))

    def call(*arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = run([*arguments, "--json"])
        captured = capsys.readouterr()
        return code, json.loads(captured.out or captured.err)

    return call


def findings(solaris: Solaris) -> dict[str, str]:
    _, report = solaris("doctor")
    return {each["check"]: each["level"] for each in report["findings"]}


def test_an_empty_database_is_told_to_migrate(solaris: Solaris) -> None:
    code, answer = solaris("accounts", "list")
    assert code == 3
    assert "solaris migrate" in answer["error"]["message"]
    assert findings(solaris)["schema"] == "fail"
    code, answer = solaris("migrate")
    assert code == 0
    assert answer["applied"][0] == "0001.tables"
    assert solaris("migrate") == (0, {"applied": []})
    after = findings(solaris)
    assert {after[check] for check in ("database", "postgresql", "schema", "clock", "partitions", "holds")} == {"ok"}


def test_the_whole_round_and_a_forged_byte(solaris: Solaris, database_url: str, postgres: EmbeddedPostgres) -> None:
    solaris("migrate")
    solaris("plans", "set", "big", "--monthly-tokens", "5000")
    solaris("accounts", "set", "user:maria", "--plan", "big", "--email", "m@x.y")
    code, account = solaris("credits", "grant", "user:maria", "500", "--reason", "Bought")
    assert (code, account["available"]) == (0, 5500)
    assert [entry["kind"] for entry in solaris("entries", "user:maria")[1]["data"]] == ["credit", "opening"]
    assert solaris("accounts", "list", "--query", "M@X")[1]["data"] == [account]
    assert solaris("ledger", "verify")[1]["ok"]
    with psycopg.connect(postgres.superuser_url(psycopg.conninfo.conninfo_to_dict(database_url)["dbname"])) as forger:  # type: ignore[arg-type]
        forger.execute("SET session_replication_role = replica")
        forger.execute("UPDATE solaris.entries SET reason = 'Gift' WHERE kind = 'credit'")
    code, result = solaris("ledger", "verify")
    assert code == 1
    # Its reason is not what its text's digest says, and its own digest is not what the next would chain to.
    assert [(flaw["account_id"], flaw["entry"]) for flaw in result["flaws"]] == 2 * [("user:maria", 2)]


def test_dead_holds_are_found_and_swept(solaris: Solaris, database_url: str) -> None:
    solaris("migrate")
    solaris("accounts", "set", "user:maria")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "WITH held AS (UPDATE solaris.accounts SET held = 70) INSERT INTO solaris.holds VALUES "
            "('user:maria', '019aa000-0000-7000-8000-000000000001', 'gpt', 70, 20, 1000, "
            "now() - '2 h'::interval, now() - '1 h'::interval)"
        )
    assert facts(database_url).expired_holds == 1
    assert solaris("sweep")[1] == {"swept": 1, "from_spend_logs": 0, "estimated": 1, "released": 0}
    assert solaris("holds")[1] == {"data": []}
    assert solaris("accounts", "show", "user:maria")[1]["allowance"]["used"] == 20
    assert solaris("ledger", "verify")[0] == 0


def test_an_outage_is_compensated_once(solaris: Solaris, database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    solaris("migrate")
    for name in ("user:maria", "user:jose"):
        solaris("accounts", "set", name)
    with psycopg.connect(database_url, autocommit=True) as connection:
        for step in (
            "hold_v1(%s, %s, 'gpt', 70, 1, 1, 60, NULL, false, 'default', 'en', 'UTC', 1, NULL)",
            "release_v1(%s, %s, NULL)",
        ):
            connection.execute(f"SELECT solaris.{step}".encode(), ("user:maria", FAILED))
    span = ("--since", "2000-01-01T00:00:00Z", "--until", "2100-01-01T00:00:00Z")
    campaign = ("credits", "compensate", "outage-1", *span, "--reason", "Falha do provedor", "--tokens", "5000")
    code, dry = solaris(*campaign, "--dry-run")
    assert (code, dry["dry_run"], dry["accounts"], dry["tokens"], dry["granted_accounts"]) == (0, True, 1, 5000, 0)
    assert [(each["account_id"], each["failed"]) for each in dry["data"]] == [("user:maria", 1)]
    assert run([*campaign, "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 accounts would get 5,000 tokens; nothing was granted."
    assert [solaris(*campaign)[1]["granted_tokens"] for _ in range(2)] == [5000, 0]
    assert solaris("accounts", "show", "user:maria")[1]["credits"]["remaining"] == 5000
    code, answer = solaris(*campaign[:-1], "1")
    assert (code, answer["error"]["type"]) == (2, "idempotency_conflict")
    code, answer = solaris(*campaign, "--percent-of-use", "10")
    assert (code, answer["error"]["param"]) == (2, "tokens")
    assert solaris("audit", "--action", "credits.compensate")[1]["data"][0]["subject"] == "outage-1"
    assert solaris("ledger", "verify")[0] == 0


def test_a_checkpoint_finds_what_the_books_themselves_cannot(
    solaris: Solaris, database_url: str, postgres: EmbeddedPostgres, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    solaris("migrate")
    for account in ("user:maria", "user:joao"):
        solaris("accounts", "set", account)
    assert solaris("ledger", "checkpoint")[1]["error"]["message"].startswith("No key signs checkpoints")
    keys = solaris("ledger", "keygen")[1]
    assert (keys["private"], keys["public"]) == ("checkpoint.key", "checkpoint.pub")
    code, taken = solaris("ledger", "checkpoint", "--key", keys["private"])
    assert (code, taken["accounts"], taken["key"]) == (0, 2, keys["key"])
    assert run(["ledger", "checkpoint", "--key", keys["private"], "--output", "second.jsonl"]) == 0
    assert capsys.readouterr().out == f"Checkpoint 2 of 2 accounts, signed by key {keys['key']}: second.jsonl\n"

    verify = ["ledger", "verify", "--checkpoint", taken["file"], "--public-key", keys["public"]]
    code, result = solaris(*verify)
    assert (code, result["checkpoints"][0]["differing"]) == (0, 0)
    with psycopg.connect(postgres.superuser_url(psycopg.conninfo.conninfo_to_dict(database_url)["dbname"])) as forger:  # type: ignore[arg-type]
        forger.execute("SET session_replication_role = replica")
        for table in ("accounts", "entries"):
            forger.execute(f"DELETE FROM solaris.{table} WHERE account_id = 'user:maria'".encode())
        forger.execute("DELETE FROM solaris.checkpoints")
    assert solaris("ledger", "verify")[0] == 0
    assert solaris(*verify)[0] == 1
    assert solaris(*verify, "user:maria")[1]["flaws"][0]["account_id"] == "user:maria"
    assert run(verify) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[1].split(maxsplit=2)[:2] == ["user:maria", "1"]
    assert told[2].startswith("1 flaw in 1 account and 1 entry")
    assert told[3].endswith("1 of its 2 accounts is not as it was.")
    assert told[4].startswith("The books do not list it")

    assert solaris(*verify, "user:nobody")[1]["error"]["type"] == "not_found"

    other = solaris("ledger", "keygen", "other.key")[1]
    for arguments, said in (
        (["--checkpoint", "missing.jsonl", "--public-key", keys["public"]], "missing.jsonl cannot be read"),
        (["--checkpoint", taken["file"], "--public-key", other["public"]], f"key {keys['key']} signed it"),
        (["--checkpoint", taken["file"], "--public-key", "missing.pub"], "missing.pub cannot be read"),
        (["--checkpoint", taken["file"]], "--public-key"),
    ):
        code, answer = solaris("ledger", "verify", *arguments)
        assert (code, said in answer["error"]["message"]) == (2, True), answer
    text = Path(taken["file"]).read_text("utf-8")
    Path(taken["file"]).write_text(text.replace("joao", "jota"), "utf-8")
    assert "was changed" in solaris(*verify)[1]["error"]["message"]


def test_a_reconciliation_lists_what_differs_and_fails_only_where_nobody_knows_why(
    solaris: Solaris, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    solaris("migrate")
    code, answer = solaris("reconcile", "--since", "2026-11-01")
    assert (code, "litellm_database_url" in answer["error"]["message"]) == (3, True)
    logs = fresh_database(postgres, with_litellm_tables=True)
    monkeypatch.setenv("SOLARIS_LITELLM_DATABASE_URL", logs)
    november = ("reconcile", "--since", "2026-11-01", "--until", "2026-11-30")
    code, answer = solaris(*november)
    assert (code, answer["ok"], answer["calls"], answer["data"]) == (0, True, 0, [])
    at = dt.datetime(2026, 11, 9, 2, tzinfo=dt.UTC)  # still the 8th in Sao Paulo
    log_call(logs, at=at, api_key="litellm_proxy_master_key", user="default_user_id")
    code, answer = solaris(*november)
    assert (code, answer["calls_by_cause"]) == (0, {"master_key": 1})
    log_call(logs, at=at, prompt_tokens=8, completion_tokens=1)
    code, answer = solaris(*november, "--limit", "1")
    assert (code, answer["unexplained_calls"], answer["more"], len(answer["data"])) == (1, 1, 1, 1)
    (row,) = solaris(*november, "--account", "user:ana")[1]["data"]
    assert (row["day"], row["cause"], row["explained"], row["difference"]) == ("2026-11-08", "unmarked", False, -9)
    assert run([*november, "--account", "user:ana"]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[1].split() == ["user:ana", "2026-11-08", "unmarked", "1", "9", "0", "-9", "no"]
    assert told[-2].startswith("1 call UNEXPLAINED unmarked: logged without a hold")
    assert told[-1] == "1 call, 9 tokens logged, 0 booked: 1 without an explanation."
    code, answer = solaris("reconcile", "--since", "2026-11-02", "--until", "2026-11-01")
    assert (code, answer["error"]["param"]) == (2, "until")


def test_reports_are_scheduled_listed_and_removed(solaris: Solaris) -> None:
    solaris("migrate")
    wanted = ("reports", "schedule", "add", "user", "--every", "week", "--on", "1", "--reason", "for the board")
    code, error = solaris(*wanted)
    assert (code, error["error"]["param"]) == (2, "recipients")  # no administrator has an address
    code, added = solaris(*wanted, "--to", "cfo@example.org", "--key", "board", "--format", "csv")
    assert (code, added["recipients"], added["format"], added["on"]) == (0, ["cfo@example.org"], "csv", 1)
    assert solaris(*wanted, "--to", "cfo@example.org", "--key", "board", "--format", "csv") == (0, added)
    assert solaris("reports", "schedule", "list") == (0, {"data": [added]})
    code, error = solaris(*wanted[:7], "8", *wanted[8:], "--to", "cfo@example.org")
    assert (code, error["error"]["param"]) == (2, "on")
    number = str(added["number"])
    assert solaris("reports", "schedule", "remove", number, "--reason", "over") == (0, added)
    assert solaris("reports", "schedule", "remove", number, "--reason", "over")[0] == 2
    assert solaris("reports", "schedule", "list") == (0, {"data": []})
