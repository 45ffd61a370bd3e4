"""The doctor: each check tells right from wrong, and what to do."""

from __future__ import annotations

import datetime as dt
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml

import solaris_hooks
from solaris_hooks.cli.checks import config, database, packages
from solaris_hooks.cli.checks.database import DatabaseFacts
from solaris_hooks.cli.checks.finding import Finding, Level
from solaris_hooks.quota.errors import LedgerUnavailableError
from solaris_hooks.settings import Settings
from tests.unit.cli.conftest import Solaris

STRONG = "sk-" + "0123456789abcdef" * 2
GOOD: dict[str, Any] = {
    "litellm_settings": {
        "callbacks": ["solaris_hooks.plugin.proxy_handler"],
        "global_disable_no_log_param": True,
    },
    "general_settings": {"master_key": STRONG},
}
HEALTHY = DatabaseFacts(
    version=15,
    clock_difference=0.01,
    pending=[],
    litellm_tables=True,
    next_month=True,
    expired_holds=0,
    plans=frozenset({"default"}),
)


def level(finding: Finding) -> str:
    assert finding.message
    assert "\n" not in finding.message
    return finding.level.value


@pytest.mark.parametrize(
    ("version", "expected"), [((3, 10, 9), "fail"), ((3, 11, 0), "ok"), ((3, 13, 5), "ok"), ((3, 14, 0), "fail")]
)
def test_python(version: tuple[int, ...], expected: str) -> None:
    assert level(packages.python(version)) == expected


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("litellm", "1.106.1", "fail"),
        ("litellm", "1.106.2", "ok"),
        ("litellm", "1.106.9.post1", "ok"),
        ("litellm", "1.107.0", "fail"),
        ("litellm", "1.107", "fail"),
        ("litellm", "2.0", "fail"),
        ("prisma", "0.11.0", "ok"),
        ("prisma", "0.11", "ok"),
        ("prisma", "0.15.0", "fail"),
        ("psycopg", "3.2.9", "fail"),
        ("psycopg", "3.3.0", "ok"),
        ("psycopg", "4.0", "fail"),
    ],
)
def test_packages(name: str, version: str, expected: str) -> None:
    installed = {"litellm": "1.106.2", "prisma": "0.11.0", "psycopg": "3.2.10"} | {name: version}
    findings = {finding.check: finding for finding in packages.packages(installed.__getitem__)}
    assert level(findings.pop(name)) == expected
    assert {level(other) for other in findings.values()} == {"ok"}


def test_a_package_that_is_missing() -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    assert {level(each) for each in packages.packages(missing)} == {"fail"}


def test_the_supported_versions_are_the_project_s() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == ">=3.11,<3.14"
    for supported in packages.SUPPORTED.values():
        wanted = supported.remedy.removeprefix("pip install ").strip("'")
        assert wanted in project["dependencies"]


def test_prisma_s_client_and_engine(tmp_path: Path) -> None:
    assert level(packages.prisma_client(tmp_path)) == "fail"
    (tmp_path / "client.py").touch()
    assert level(packages.prisma_client(tmp_path)) == "ok"
    query, schema = packages.ENGINE_VARIABLES
    program = tmp_path / "engine"
    assert level(packages.prisma_engine({})) == "ok"
    assert level(packages.prisma_engine({query: str(program), schema: str(program)})) == "fail"
    program.touch(0o755)
    assert level(packages.prisma_engine({query: str(program), schema: str(program)})) == "ok"
    assert level(packages.prisma_engine({query: str(program)})) == "warn"


def findings_of(tmp_path: Path, content: object, **environment: str) -> dict[str, str]:
    path = tmp_path / "litellm_config.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return {finding.check: level(finding) for finding in config.config_file(path, environment)}


def test_a_good_config(tmp_path: Path) -> None:
    assert findings_of(tmp_path, GOOD) == dict.fromkeys(("config", "callback", "no-log", "master key", "code"), "ok")


def test_no_config_or_none_that_can_be_read(tmp_path: Path) -> None:
    assert [level(each) for each in config.config_file(None, {})] == ["warn"]
    assert [level(each) for each in config.config_file(tmp_path / "none.yaml", {})] == ["fail"]
    assert findings_of(tmp_path, "a: [") == {"config": "fail"}
    assert findings_of(tmp_path, "- just a list")["callback"] == "fail"


@pytest.mark.parametrize(
    ("callbacks", "expected"),
    [
        (None, "fail"),
        ([], "fail"),
        (["prometheus"], "fail"),
        ("solaris_hooks.plugin.proxy_handler", "ok"),
        (["prometheus", "solaris_hooks.plugin.proxy_handler"], "ok"),
        (["solaris_hooks.plugin.proxy_handler"] * 2, "fail"),
        ({"a": 1}, "fail"),
    ],
)
def test_the_callback(tmp_path: Path, callbacks: object, expected: str) -> None:
    settings = GOOD["litellm_settings"] | {"callbacks": callbacks}
    assert findings_of(tmp_path, GOOD | {"litellm_settings": settings})["callback"] == expected


@pytest.mark.parametrize(("value", "expected"), [(True, "ok"), (False, "warn"), ("true", "warn"), (None, "warn")])
def test_no_log(tmp_path: Path, value: object, expected: str) -> None:
    settings = GOOD["litellm_settings"] | {"global_disable_no_log_param": value}
    assert findings_of(tmp_path, GOOD | {"litellm_settings": settings})["no-log"] == expected


@pytest.mark.parametrize(
    ("value", "environment", "expected"),
    [
        (STRONG, {}, "ok"),
        ("sk-1234", {}, "fail"),
        ("sk-" + "a" * 40, {}, "fail"),
        ("0123456789abcdef" * 2, {}, "fail"),
        (None, {}, "warn"),
        (None, {"LITELLM_MASTER_KEY": STRONG}, "ok"),
        ("os.environ/OUR_KEY", {}, "warn"),
        ("os.environ/OUR_KEY", {"OUR_KEY": STRONG}, "ok"),
        ("os.environ/OUR_KEY", {"OUR_KEY": "sk-1234", "LITELLM_MASTER_KEY": STRONG}, "fail"),
    ],
)
def test_the_master_key(tmp_path: Path, value: object, environment: dict[str, str], expected: str) -> None:
    content = GOOD | {"general_settings": {"master_key": value}}
    assert findings_of(tmp_path, content, **environment)["master key"] == expected
    for finding in config.config_file(tmp_path / "litellm_config.yaml", environment):
        assert STRONG not in finding.message
        assert "sk-1234" not in finding.message


def test_a_folder_that_would_be_loaded_instead(tmp_path: Path) -> None:
    (tmp_path / "solaris_hooks").mkdir()
    assert findings_of(tmp_path, GOOD)["code"] == "fail"
    beside_itself = Path(solaris_hooks.__file__).parents[1] / "litellm_config.yaml"
    assert level(config.same_named_folder(beside_itself)) == "ok"


@pytest.mark.parametrize(
    ("facts", "check", "expected"),
    [
        ({}, None, "ok"),
        ({"version": 13}, "postgresql", "fail"),
        ({"pending": ["0003.more"]}, "schema", "fail"),
        ({"litellm_tables": False}, "litellm tables", "warn"),
        ({"clock_difference": -2.5}, "clock", "warn"),
        ({"clock_difference": 60.0}, "clock", "warn"),
        ({"next_month": False}, "partitions", "warn"),
        ({"expired_holds": 3}, "holds", "warn"),
        ({"dead_deliveries": 2}, "deliveries", "warn"),
        ({"worker_silent": dt.timedelta(seconds=30)}, "worker", "ok"),
        ({"worker_silent": dt.timedelta(minutes=30)}, "worker", "warn"),
    ],
)
def test_the_database(facts: dict[str, Any], check: str | None, expected: str) -> None:
    known = {name: getattr(HEALTHY, name) for name in DatabaseFacts.__slots__}
    findings = {each.check: level(each) for each in database.database(DatabaseFacts(**(known | facts)))}
    if check:
        assert findings.pop(check) == expected
    skipped = {"partitions", "holds", "worker", "deliveries"} if "pending" in facts else set()
    assert {level for name, level in findings.items() if name not in skipped} == {"ok"}


@pytest.fixture
def healthy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine on which nothing is wrong."""
    (tmp_path / "litellm_config.yaml").write_text(yaml.safe_dump(GOOD))
    monkeypatch.setattr(database, "facts", lambda _: HEALTHY)
    for name in ("python", "prisma_client", "prisma_engine"):
        monkeypatch.setattr(packages, name, lambda name=name: Finding(name, Level.OK, "is fine"))
    return tmp_path


def test_a_healthy_machine_ends_with_0(solaris: Solaris, healthy: Path) -> None:
    del healthy
    done = solaris("doctor")
    assert done.code == 0
    assert done.out.splitlines()[-1] == "Nothing to do."
    assert solaris("doctor", "--json").json["ok"] is True


def test_anything_found_ends_with_1(solaris: Solaris, healthy: Path) -> None:
    (healthy / "litellm_config.yaml").write_text("{}")
    done = solaris("doctor", "--json")
    assert (done.code, done.json["ok"]) == (1, False)
    assert {(each["check"], each["level"]) for each in done.json["findings"]} >= {
        ("callback", "fail"),
        ("python", "ok"),
    }
    told = solaris("doctor")
    assert [line.split()[:2] for line in told.out.splitlines() if line.startswith("fail")] == [["fail", "callback"]]


def test_what_cannot_be_reached_is_a_finding_too(
    solaris: Solaris, healthy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(_: str) -> DatabaseFacts:
        raise LedgerUnavailableError

    monkeypatch.setattr(database, "facts", unreachable)
    done = solaris("doctor")
    assert done.code == 1
    assert done.out.splitlines()[-2].startswith("fail  database")
    (healthy / "litellm_config.yaml").write_text(yaml.safe_dump(GOOD | {"solaris_settings": {"colour": 1}}))
    assert "colour" in solaris("doctor").out


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "ok"),
        ({"default_plan": "gold"}, "fail"),
        ({"plan_by_team": {"research": "default"}}, "ok"),
        ({"plan_by_team": {"research": "gold"}}, "fail"),
        ({"plan_by_email_domain": {"example.org": "gold"}}, "fail"),
    ],
)
def test_plans_that_settings_name(given: dict[str, Any], expected: str) -> None:
    finding = database.plans_of_settings(HEALTHY, Settings(database_url="postgresql://nowhere/x", **given))
    assert level(finding) == expected
    assert ("gold" in finding.message) == (expected == "fail")


def test_a_journal_that_cannot_be_written(tmp_path: Path) -> None:
    assert level(config.journal(tmp_path / "made" / "when" / "needed")) == "ok"
    (tmp_path / "file").write_text("")
    assert level(config.journal(tmp_path / "file")) == "fail"
    assert level(config.journal(tmp_path / "file" / "below")) == "fail"
