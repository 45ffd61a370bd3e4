"""The headers of a mail: what nobody can add to them, and what every mail carries."""

from __future__ import annotations

import datetime as dt
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solaris_hooks.alerts.mail.message import Rendered, build_message
from solaris_hooks.mail_settings import MailSettings

DELIVERY = UUID("01934000-0000-7000-8000-000000000001")
NOW = dt.datetime(2026, 11, 18, 17, 42, tzinfo=dt.UTC)
HEADERS = {
    *("from", "to", "subject", "date", "message-id", "content-language", "auto-submitted"),
    *("x-auto-response-suppress", "mime-version", "content-type"),
}


def parsed(subject: str = "Oi", *, name: str | None = "Ana", to: str = "ana@example.org", **more: str) -> EmailMessage:
    settings = MailSettings.model_validate({"host": "h", "from_address": "solaris@example.org", **more})
    message = build_message(
        Rendered(subject, "Olá\n", "<p>Olá</p>"),
        settings,
        to=to,
        name=name,
        delivery_id=DELIVERY,
        locale="pt_BR",
        now=NOW,
    )
    read = message_from_bytes(message.as_bytes(policy=SMTP), policy=default)
    assert isinstance(read, EmailMessage)
    return read


def test_a_mail_is_text_and_html_of_one_sender() -> None:
    message = parsed("Você já usou 81% — atenção", name="Souza, João", reply_to="ajuda@example.org")
    assert message["Subject"] == "Você já usou 81% — atenção"
    assert [str(each.display_name) for each in message["To"].addresses] == ["Souza, João"]
    assert [each.addr_spec for each in message["To"].addresses] == ["ana@example.org"]
    assert message["From"].addresses[0].display_name == "SOLARIS"
    assert message["Reply-To"] == "ajuda@example.org"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == NOW
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    text, html = (part.get_content() for part in message.iter_parts() if isinstance(part, EmailMessage))
    assert (text.split(), html.split()) == (["Olá"], ["<p>Olá</p>"])


def test_copies_of_one_delivery_have_one_message_id() -> None:
    assert parsed()["Message-ID"] == parsed()["Message-ID"] == f"<{DELIVERY}@example.org>"


@given(
    st.text(),
    st.text(),
    st.sampled_from(["\r\n", "\n", "\r", "\u2028", "\x00", "\x85", "\v"]),
)
def test_no_subject_or_name_adds_a_header_or_a_recipient(subject: str, name: str, newline: str) -> None:
    message = parsed(f"{subject}{newline}Bcc: eve@example.org", name=f"{name}{newline}Bcc: eve@example.org")
    assert {key.lower() for key in message.keys()} == HEADERS  # noqa: SIM118 - a message is no mapping
    assert [each.addr_spec for each in message["To"].addresses] == ["ana@example.org"]


@pytest.mark.parametrize(
    "to",
    [
        "",
        "ana",
        "ana@",
        "@example.org",
        "ana@example.org\r\nBcc: eve@example.org",
        "ana@example.org, eve@example.org",
        "Ana <ana@example.org>",
        "ana@example.org>",
        "ana @example.org",
        "joão@example.org",  # few servers take such a name
    ],
)
def test_what_is_no_address_is_refused(to: str) -> None:
    with pytest.raises(ValueError, match="e-mail address"):
        parsed(to=to)


def test_a_domain_is_written_as_dns_has_it() -> None:
    assert parsed(to="ana@exâmplé.org")["To"].addresses[0].addr_spec == "ana@xn--exmpl-4qa6c.org"


def test_a_long_subject_is_cut() -> None:
    assert len(str(parsed("x" * 5000)["Subject"])) == 200
