"""Section ``mail`` of the settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from solaris_hooks.mail_settings import MailSecurity, MailSettings
from solaris_hooks.quota.errors import SettingsError
from solaris_hooks.settings import load_settings

LEAST = {"host": "smtp.example.org", "from_address": "solaris@example.org"}


def config(folder: Path, mail: str) -> Path:
    file = folder / "config.yaml"
    file.write_text(f"solaris_settings:\n  database_url: postgresql://x/y\n{mail}", "utf-8")
    return file


def test_the_how_to_has_every_key_with_its_default() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "set-up-mail.md").read_text("utf-8")
    found = dict(re.findall(r"^\| `(\w+)` \| `?([^`|]*?)`? ?\| ", page.split("## The mails")[0], re.MULTILINE))
    written = {name: "" if default == '""' else default for name, default in found.items()}
    bare = MailSettings.model_construct(host="", from_address="").model_dump(mode="json")
    assert written == {name: "null" if bare[name] is None else str(bare[name]) for name in MailSettings.model_fields}


def test_a_host_and_an_address_are_enough() -> None:
    settings = MailSettings.model_validate(LEAST)
    assert (settings.security, settings.port_number) == (MailSecurity.STARTTLS, 587)
    assert MailSettings.model_validate({**LEAST, "security": "tls"}).port_number == 465
    assert MailSettings.model_validate({**LEAST, "security": "none"}).port_number == 25
    assert MailSettings.model_validate({**LEAST, "port": 2525}).port_number == 2525


def test_the_password_may_come_from_the_environment_and_is_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "s3cret")
    settings = load_settings(
        config(
            tmp_path,
            "  mail:\n    host: h\n    from_address: a@example.org\n    username: u\n"
            "    password: os.environ/SMTP_PASSWORD\n",
        )
    )
    assert settings.mail is not None
    assert settings.mail.password.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(settings)
    assert "s3cret" not in settings.model_dump_json()


def test_a_missing_variable_is_named_with_its_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"mail.password reads the environment variable NO_SUCH"):
        load_settings(config(tmp_path, "  mail: {host: h, from_address: a@b.org, password: os.environ/NO_SUCH}\n"))


@pytest.mark.parametrize(
    ("mail", "said"),
    [
        ("{host: h}", "mail.from_address"),
        ("{host: '', from_address: a@b.org}", "mail.host"),
        ("{host: h, from_address: nobody}", "must be an e-mail address"),
        ('{host: h, from_address: "a@b.org\\nBcc: c@d.org"}', "one line"),
        ("{host: h, from_address: a@b.org, reply_to: x}", "mail.reply_to"),
        ("{host: h, from_address: a@b.org, port: 70000}", "mail.port"),
        ("{host: h, from_address: a@b.org, security: ssl}", "'starttls', 'tls' or 'none'"),
        ("{host: h, from_address: a@b.org, security: none, username: u}", "in the clear"),
        ("{host: h, from_address: a@b.org, template_directory: /no/such}", "there is no folder /no/such"),
        ("{host: h, from_address: a@b.org, ca_file: /no/such.pem}", "there is no file /no/such.pem"),
        ("{host: h, from_address: a@b.org, colour: red}", "mail.colour: there is no such setting"),
    ],
)
def test_a_wrong_value_is_named_with_what_it_takes(tmp_path: Path, mail: str, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(config(tmp_path, f"  mail: {mail}\n"))
    assert said in error.value.message
    assert "SOLARIS_MAIL." not in error.value.message
