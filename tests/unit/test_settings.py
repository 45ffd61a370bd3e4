"""Settings: one place, checked once, and each wrong value is told what to write."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from solaris_hooks.database_url import DatabaseUrlError, libpq_url
from solaris_hooks.quota.costs import Costs
from solaris_hooks.quota.errors import SettingsError
from solaris_hooks.quota.units import Unit
from solaris_hooks.quota.usage import Usage
from solaris_hooks.settings import load_settings

URL = "postgresql://u:p@localhost:5432/books"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", URL)


def config(folder: Path, text: str) -> Path:
    path = folder / "litellm_config.yaml"
    path.write_text(text, "utf-8")
    return path


def test_without_a_section_the_defaults_hold_and_the_database_is_litellms() -> None:
    settings = load_settings()
    assert settings.database_url == URL
    assert settings.refusal_status == 402
    assert settings.new_account.plan_id == "default"


def test_litellms_logs_are_in_its_own_database_wherever_the_books_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOLARIS_DATABASE_URL", "postgresql://books@db/solaris")
    assert load_settings().litellm_database_url == URL
    monkeypatch.delenv("DATABASE_URL")
    assert load_settings().litellm_database_url == "postgresql://books@db/solaris"
    monkeypatch.setenv("SOLARIS_LITELLM_DATABASE_URL", "postgresql://logs@db/litellm?schema=public")
    assert load_settings().litellm_database_url == "postgresql://logs@db/litellm"


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = config(tmp_path, "solaris_settings:\n  refusal_status: 403\n  pool_max_size: 3\n")
    monkeypatch.setenv("SOLARIS_REFUSAL_STATUS", "429")
    settings = load_settings(path)
    assert (settings.refusal_status, settings.pool_max_size) == (429, 3)


def test_a_value_of_the_file_may_name_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = config(tmp_path, "solaris_settings:\n  database_url: os.environ/BOOKS\n")
    monkeypatch.setenv("BOOKS", "postgresql://books@db/solaris")
    assert load_settings(path).database_url == "postgresql://books@db/solaris"
    monkeypatch.delenv("BOOKS")
    with pytest.raises(SettingsError, match="BOOKS, which is not set"):
        load_settings(path)


def test_weights_are_exact_even_when_written_as_yaml_numbers(tmp_path: Path) -> None:
    path = config(
        tmp_path, 'solaris_settings:\n  weights:\n    "gpt-4o*": {input: 0.376, output: 1.5}\n    "*": {input: 2}\n'
    )
    table = load_settings(path).weight_table
    weights = table.of("gpt-4o-mini")
    assert (weights.input, weights.cached_input, weights.output) == (Decimal("0.376"), Decimal("0.376"), Decimal("1.5"))
    assert weights.charge(Usage(input_tokens=1000, output_tokens=0)) == 376
    assert table.of("claude").input == 2


def test_costs_are_of_tokens_of_units_or_of_both(tmp_path: Path) -> None:
    path = config(
        tmp_path,
        "solaris_settings:\n  costs:\n"
        "    dall-e: {image: 0.04}\n    gpt: {input: 5, output: 40, image: 0.01, call: 0}\n",
    )
    table = load_settings(path).cost_table
    images = Decimal("0.04")
    assert table.of("dall-e") == Costs(Decimal(0), Decimal(0), Decimal(0), {Unit.IMAGE: images})
    assert table.of("gpt") == Costs(
        Decimal(5), Decimal(5), Decimal(40), {Unit.IMAGE: Decimal("0.01"), Unit.CALL: Decimal(0)}
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("refusal_status: 200", "refusal_status"),
        ("default_time_zone: Brasilia", "IANA"),
        ("default_anchor_day: 32", "1 to 31"),
        ("default_locale: fr", "one of pt_BR, en"),
        ("unknown_users: maybe", "'create' or 'refuse'"),
        ("weights: {a: {input: -1}}", "greater than or equal to 0"),
        ("weights: {a: {input: .nan}}", "finite"),
        ("weights: {a: {price: 1}}", "there is no such setting"),
        ("costs: {a: {output: 1}}", "needs input, or the cost of a unit"),
        ("costs: {a: {image: -1}}", "greater than or equal to 0"),
        ("costs: {a: {images: 1}}", "there is no such setting"),
        ("hold_lease_secs: 5", "there is no such setting"),
        ("database_url: mysql://x/y", "must begin with postgresql://"),
    ],
)
def test_a_wrong_value_is_named_with_what_it_takes(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(config(tmp_path, f"solaris_settings:\n  {line}\n"))
    assert said in error.value.message
    assert line.split(":", 1)[0] in error.value.message


@pytest.mark.parametrize("text", ["solaris_settings: [1, 2]", "solaris_settings: {1: 2}", "a: [unclosed"])
def test_a_broken_file_is_told_so(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError):
        load_settings(config(tmp_path, text))


def test_a_missing_file_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="There is no config file"):
        load_settings(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("prisma", "libpq"),
    [
        (f"{URL}?schema=public&connection_limit=5&pool_timeout=9", URL),
        (f"{URL}?sslmode=require&pgbouncer=true", f"{URL}?sslmode=require"),
        ("postgres://u@localhost/d?host=/run/pg&schema=x", "postgres://u@localhost/d?host=/run/pg"),
        ("postgresql:///d?schema=x&host=/run/pg", "postgresql:///d?host=/run/pg"),
        ("postgresql:///d?connection%5Flimit=5", "postgresql:///d"),
        (f"{URL}?options=-c%20work_mem%3D1MB&schema=x", f"{URL}?options=-c%20work_mem%3D1MB"),
    ],
)
def test_parameters_of_prisma_are_left_out_for_libpq(prisma: str, libpq: str) -> None:
    assert libpq_url(prisma) == libpq


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("postgresql:///d?host=/run/pg&pgbouncer=true", {"dbname": "d", "host": "/run/pg"}),
        ("postgresql:///?host=/run/pg&dbname=d", {"dbname": "d", "host": "/run/pg"}),
        ("postgresql://%2Frun%2Fpg/d?schema=public", {"dbname": "d", "host": "/run/pg"}),
        ("postgresql://a:1,b:2/d?schema=public", {"dbname": "d", "host": "a,b", "port": "1,2"}),
        ("postgresql:///d?options=-c%20work_mem%3D1MB", {"dbname": "d", "options": "-c work_mem=1MB"}),
        ("postgresql:///d?application_name=a+b&schema=x", {"dbname": "d", "application_name": "a+b"}),
    ],
)
def test_libpq_reads_what_the_url_says(url: str, read: dict[str, str]) -> None:
    assert conninfo_to_dict(libpq_url(url)) == read


@pytest.mark.parametrize("url", ["", "mysql://a/b", "postgresql://u:secret@h/d?nonsense=1"])
def test_an_url_that_cannot_be_read_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(DatabaseUrlError) as error:
        libpq_url(url)
    assert "secret" not in str(error.value)


def test_periodic_checkpoints_need_a_key_and_a_folder(tmp_path: Path) -> None:
    section = "solaris_settings:\n  checkpoint_interval_seconds: 3600\n"
    with pytest.raises(SettingsError, match="also needs checkpoint_key and checkpoint_directory"):
        load_settings(config(tmp_path, section))
    settings = load_settings(
        config(tmp_path, f"{section}  checkpoint_key: k.pem\n  checkpoint_directory: /mnt/archive\n")
    )
    assert settings.checkpoint_interval_seconds == 3600
    assert "k.pem" not in repr(settings)


@pytest.mark.parametrize("line", ["new_accounts: pending", "plan_by_team: {t: x}", "unknown_users: refuse"])
def test_who_only_looks_gets_no_account_where_it_matters_who_asks(tmp_path: Path, line: str) -> None:
    assert load_settings().opens_at_sight
    assert not load_settings(config(tmp_path, f"solaris_settings:\n  {line}\n")).opens_at_sight


@pytest.mark.parametrize("domain", ["@example.org", "", "*.example.org"])
def test_what_is_no_domain_is_refused(tmp_path: Path, domain: str) -> None:
    path = config(tmp_path, f"solaris_settings:\n  plan_by_email_domain: {{'{domain}': team}}\n")
    with pytest.raises(SettingsError, match="write the part after the @"):
        load_settings(path)
