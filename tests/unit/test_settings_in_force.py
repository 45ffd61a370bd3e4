"""What the settings page shows: everything that is in force, whence it comes, and no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from solaris_hooks.settings import Settings, load_settings
from solaris_hooks.settings_in_force import HIDDEN, Origin, SettingInForce, settings_in_force, without_password

SECRET = "9f8e7d6c5b4a"
URL = f"postgresql://solaris:{SECRET}@db.example:5432/books?sslmode=require&password={SECRET}"
FILE = f"""
solaris_settings:
  refusal_status: 429
  link_secrets: [{SECRET}, other-{SECRET}]
  checkpoint_key: {SECRET}
  weights: {{"gpt-*": {{input: 0.5}}}}
  mail: {{host: smtp.example, from_address: a@example.org, username: joe, password: {SECRET}}}
  webhooks:
    - name: chat
      url: https://hooks.example/{SECRET}
      format: slack
    - name: books
      url: https://erp.example/in
      secret: whsec_{"QUFB" * 10}
  credit_packages: [{{name: large, tokens: 5, price: 1.5, currency: BRL}}]
"""


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment that names two settings and LiteLLM's database."""
    made = {"DATABASE_URL": URL, "SOLARIS_DEFAULT_LOCALE": "en", "solaris_pool_max_size": "7"}
    for name, value in made.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def shown(environ: dict[str, str], tmp_path: Path) -> dict[str, SettingInForce]:
    config = tmp_path / "config.yaml"
    config.write_text(FILE)
    return {each.name: each for each in settings_in_force(load_settings(config), environ)}


def test_every_setting_is_there_with_its_description(shown: dict[str, SettingInForce]) -> None:
    sections = {name.partition(".")[0] for name in shown}
    assert sections == set(Settings.model_fields)
    assert shown["refusal_status"].description == Settings.model_fields["refusal_status"].description
    assert all(each.description for name, each in shown.items() if "." not in name)


@pytest.mark.parametrize(
    ("name", "value", "default", "origin"),
    [
        ("refusal_status", "429", "402", Origin.FILE),
        ("default_locale", "en", "pt_BR", Origin.ENVIRONMENT),
        ("pool_max_size", "7", "10", Origin.ENVIRONMENT),
        ("default_plan", "default", "default", Origin.DEFAULT),
        ("chat_commands", "true", "true", Origin.DEFAULT),
        ("weights", '{"gpt-*": {"input": "0.5", "cached_input": null, "output": "1"}}', "", Origin.FILE),
        ("mail.host", "smtp.example", None, Origin.FILE),
        ("mail.security", "starttls", "starttls", Origin.DEFAULT),
        ("alerts.mails_per_hour", "500", "500", Origin.DEFAULT),
        ("webhooks.0.name", "chat", None, Origin.FILE),
        ("credit_packages.0.price", "1.5", None, Origin.FILE),
        ("admin_roles", "", "", Origin.DEFAULT),
    ],
)
def test_a_setting_says_what_it_is_and_whence_it_comes(
    shown: dict[str, SettingInForce], name: str, value: str, default: str | None, origin: Origin
) -> None:
    each = shown[name]
    assert (each.value, each.default, each.origin) == (value, default, origin)


def test_no_secret_is_shown_but_that_it_is_set(shown: dict[str, SettingInForce]) -> None:
    assert SECRET not in repr(shown)
    assert "QUFB" not in repr(shown)
    hidden = {name for name, each in shown.items() if each.secret}
    assert hidden == {
        "link_secrets",
        "checkpoint_key",
        "mail.password",
        "webhooks.0.url",
        "webhooks.0.secret",
        "webhooks.1.url",
        "webhooks.1.secret",
    }
    assert {name: shown[name].value for name in hidden} == dict.fromkeys(hidden, HIDDEN) | {"webhooks.0.secret": ""}


def test_the_database_is_litellm_s_unless_it_is_named(environ: dict[str, str], tmp_path: Path) -> None:
    def origins(section: str, given: dict[str, str]) -> tuple[Origin, Origin]:
        config = tmp_path / "config.yaml"
        config.write_text(f"solaris_settings: {{{section}}}\n")
        found = {each.name: each.origin for each in settings_in_force(load_settings(config), given)}
        return found["database_url"], found["litellm_database_url"]

    assert origins("", environ) == (Origin.LITELLM, Origin.LITELLM)
    assert origins("database_url: postgresql://own@h/b", environ) == (Origin.FILE, Origin.LITELLM)
    assert origins("database_url: postgresql://own@h/b", {}) == (Origin.FILE, Origin.FILE)


def test_litellm_s_logs_are_by_default_where_the_books_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("SOLARIS_DATABASE_URL", "postgresql://own@h/b")
    found = {each.name: each for each in settings_in_force(load_settings(), {"SOLARIS_DATABASE_URL": "x"})}
    assert found["database_url"].origin is Origin.ENVIRONMENT
    assert found["litellm_database_url"].origin is Origin.DEFAULT


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        ("https://proxy.example", "https://proxy.example"),
        ("https://proxy.example/base", "https://proxy.example/base"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql://u:p%40ss@h:1/d", f"postgresql://u:{HIDDEN}@h:1/d"),
        ("postgresql://u:a@b@h/d", f"postgresql://u:{HIDDEN}@h/d"),
        ("postgresql:///d?host=/run/pg&sslpassword=x", f"postgresql:///d?host=/run/pg&sslpassword={HIDDEN}"),
        ("postgresql://[::1/d", HIDDEN),
    ],
)
def test_addresses_are_shown_without_their_passwords(url: str, shown: str) -> None:
    assert without_password(url) == shown
