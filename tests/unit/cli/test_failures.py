"""Whatever goes wrong is one line that says what to do, and an exit code that programs can trust."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.quota.errors import LedgerUnavailableError, SchemaError
from tests.unit.cli.conftest import Solaris


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    ("arguments", "kind", "param"),
    [
        (["accounts", "show", "user:nobody"], "not_found", "account_id"),
        (["accounts", "show", "nobody"], "invalid_request", "account_id"),
        (["accounts", "set", "nobody"], "invalid_request", "account_id"),
        (["accounts", "set", "user:x", "--plan", "none"], "not_found", "plan_id"),
        (["accounts", "set", "user:x", "--status", "gone"], "invalid_request", "status"),
        (["accounts", "set", "user:x", "--anchor-day", "32"], "invalid_request", "anchor_day"),
        (["accounts", "set", "user:x", "--time-zone", "Brazil"], "invalid_request", "time_zone"),
        (["accounts", "set", "user:x", "--name", "a\nb"], "invalid_request", "name"),
        (["accounts", "set", "user:x", "--name", "a\udcffb"], "invalid_request", "name"),
        (["accounts", "list", "--limit", "0"], "usage", None),
        (["accounts", "list", "--cursor", "x"], "invalid_request", "cursor"),
        (["accounts", "lst"], "usage", None),
        (["credits", "grant", "user:x", "5"], "usage", None),
        (["credits", "grant", "user:x", "5", "--reason", " "], "invalid_request", "reason"),
        (["credits", "grant", "user:x", "5", "--reason", "r"], "not_found", "account_id"),
        (["credits", "grant", "user:x", "0", "--reason", "r"], "invalid_request", "tokens"),
        (["credits", "grant", "user:x", "1.5", "--reason", "r"], "usage", None),
        (["credits", "grant", "user:x", "-5", "--reason", "r"], "usage", None),
        (["credits", "grant", "user:x", "1000000000000001", "--reason", "r"], "invalid_request", "tokens"),
        (["credits", "grant", "user:x", "5", "--reason", "r", "--expires-at", "soon"], "invalid_request", "expires_at"),
        (["entries", "user:nobody"], "not_found", "account_id"),
        (["holds", "user:nobody"], "not_found", "account_id"),
        (["plans", "show", "none"], "not_found", "plan_id"),
        (["plans", "set", "new"], "invalid_request", "monthly_tokens"),
        (["plans", "set", "BIG", "--monthly-tokens", "1"], "invalid_request", "plan_id"),
        (["plans", "set", "big", "--monthly-tokens", "-1"], "invalid_request", "monthly_tokens"),
        (["plans", "set", "big", "--monthly-tokens", "1", "--thresholds", "a,b"], "invalid_request", "thresholds"),
        (["plans", "set", "big", "--monthly-tokens", "1", "--thresholds", "90,80"], "invalid_request", "thresholds"),
        (["ledger", "verify", "user:nobody"], "not_found", "account_id"),
        (["nonsense"], "usage", None),
        (["holds", "--nonsense"], "usage", None),
    ],
)
def test_wrong_use_ends_with_2(solaris: Solaris, arguments: list[str], kind: str, param: str | None) -> None:
    plain = solaris(*arguments)
    assert (plain.code, plain.out) == (2, "")
    assert plain.err.startswith("error: ")
    assert plain.err.count("\n") == 1
    machine = solaris(*arguments, "--json")
    assert machine.code == 2
    assert (machine.error["type"], machine.error["param"]) == (kind, param)


COMMANDS = [
    ["accounts", "list"],
    ["accounts", "show", "user:x"],
    ["accounts", "set", "user:x"],
    ["credits", "grant", "user:x", "5", "--reason", "r"],
    ["entries", "user:x"],
    ["holds"],
    ["sweep"],
    ["ledger", "verify"],
    ["plans", "list"],
    ["plans", "show", "default"],
    ["plans", "set", "default"],
    ["migrate"],
]


@pytest.mark.parametrize("arguments", COMMANDS)
def test_books_out_of_reach_end_with_3(solaris: Solaris, arguments: list[str]) -> None:
    plain = solaris(*arguments)
    assert (plain.code, plain.out) == (3, "")
    assert "DATABASE_URL" in plain.err
    assert plain.err.count("\n") == 1
    machine = solaris(*arguments, "--json")
    assert (machine.code, machine.error["type"]) == (3, "ledger_unavailable")


@pytest.mark.parametrize("error", [LedgerUnavailableError, SchemaError])
def test_books_that_fail_midway_end_with_3(
    solaris: Solaris, ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(ledger, "plans", fail)
    assert solaris("plans", "list").code == 3


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_wrong_setting_ends_with_2(solaris: Solaris, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.setenv("SOLARIS_REFUSAL_STATUS", "200")
    done = solaris(*arguments, "--json")
    assert (done.code, done.error["type"]) == (2, "invalid_settings")
    assert "refusal_status" in done.error["message"]


def test_a_config_file_that_is_not_there_ends_with_2(solaris: Solaris) -> None:
    done = solaris("--config", "nowhere.yaml", "plans", "list")
    assert done.code == 2
    assert "nowhere.yaml" in done.err


def test_the_usual_config_file_is_found(solaris: Solaris, ledger: MemoryLedger, tmp_path: Path) -> None:
    del ledger
    (tmp_path / "litellm_config.yaml").write_text("solaris_settings: {refusal_status: 1}")
    assert "refusal_status" in solaris("plans", "list").err
    (tmp_path / "other.yaml").write_text("{}")
    assert solaris("--config", "other.yaml", "plans", "list").code == 0


def test_a_defect_tells_how_to_report_it(
    solaris: Solaris, ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def explode() -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(ledger, "plans", explode)
    done = solaris("plans", "list")
    assert done.code == 70
    assert "SOLARIS_TRACEBACK=1" in done.err
    assert "secret" not in done.err
    monkeypatch.setenv("SOLARIS_TRACEBACK", "1")
    with pytest.raises(RuntimeError):
        solaris("plans", "list")


def test_ctrl_c_ends_with_130(solaris: Solaris, ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ledger, "plans", interrupted)
    assert solaris("plans", "list").code == 130


@pytest.mark.parametrize("arguments", [[], ["accounts"], ["credits"], ["plans"], ["ledger"]])
def test_without_a_command_it_shows_its_help(solaris: Solaris, arguments: list[str]) -> None:
    done = solaris(*arguments)
    assert done.code == 2
    assert "Usage: solaris" in done.err


@pytest.mark.parametrize(
    "command",
    [
        *[each[:2] for each in COMMANDS if each[0] in {"accounts", "credits", "plans", "ledger"}],
        ["entries"],
        ["holds"],
        ["sweep"],
        ["migrate"],
        ["doctor"],
    ],
)
def test_every_command_has_help_and_json(solaris: Solaris, command: list[str]) -> None:
    done = solaris(*command, "--help")
    assert done.code == 0
    assert "--json" in done.out


def test_the_version(solaris: Solaris) -> None:
    assert solaris("--version").out.startswith("solaris-hooks ")


def test_it_runs_as_a_program_and_into_a_closed_pipe(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "solaris_hooks.cli.main"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    program = subprocess.run(
        [*command, "--version"], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (program.returncode, program.stderr) == (0, "")
    read, write = os.pipe()
    os.close(read)
    closed = subprocess.run(
        [*command, "--help"],
        env=environment,
        cwd=tmp_path,
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)
    assert closed.stderr == ""
    assert closed.returncode == 141
