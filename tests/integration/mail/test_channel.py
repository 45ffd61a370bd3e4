"""Mails through a real SMTP server: in the clear, by STARTTLS and TLS, signed in, and refused."""

from __future__ import annotations

import socket
import ssl
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import TypedDict

import pytest

from solaris_hooks.alerts.delivery import DeliveryError, UndeliverableError
from solaris_hooks.alerts.mail.channel import MailChannel, mail_channel
from solaris_hooks.alerts.mail.examples import EXAMPLES
from solaris_hooks.settings import Settings

from .server import Mailboxes, certificate, smtp_server


class Contexts(TypedDict, total=False):
    starttls: ssl.SSLContext
    tls: ssl.SSLContext


TOLD = replace(EXAMPLES[0], target="ana@example.org", name="Ana Souza")


def channel(port: int, **mail: object) -> MailChannel:
    made = mail_channel(
        Settings.model_validate(
            {
                "database_url": "postgresql://x/y",
                "litellm_database_url": "",
                "mail": {
                    "host": "127.0.0.1",
                    "port": port,
                    "security": "none",
                    "from_address": "solaris@example.org",
                    "timeout_seconds": 10,
                    **mail,
                },
            }
        )
    )
    assert made is not None
    return made


def contexts(security: str, context: ssl.SSLContext) -> Contexts:
    return {"starttls": context} if security == "starttls" else {"tls": context}


async def test_a_mail_arrives_as_text_and_html() -> None:
    boxes = Mailboxes()
    with smtp_server(boxes) as port:
        await channel(port).send(TOLD)
    (message,) = boxes.taken
    assert boxes.recipients == ["ana@example.org"]
    assert message["Subject"] == "Você já usou 81% dos seus tokens"
    assert message["To"].addresses[0].display_name == "Ana Souza"
    assert message["Message-ID"] == f"<{TOLD.delivery_id}@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"
    text, html = (part for part in message.iter_parts() if isinstance(part, EmailMessage))
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert "Restam 187.600 tokens até a renovação" in text.get_content()
    assert "187.600" in html.get_content()


async def test_what_is_sent_again_has_the_same_message_id() -> None:
    boxes = Mailboxes()
    with smtp_server(boxes) as port:
        for _ in range(2):
            await channel(port).send(TOLD)
    assert len({message["Message-ID"] for message in boxes.taken}) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_the_conversation_is_encrypted_and_the_certificate_checked(tmp_path: Path, security: str) -> None:
    boxes = Mailboxes()
    context, pem = certificate(tmp_path)
    with smtp_server(boxes, **contexts(security, context)) as port:
        with pytest.raises(DeliveryError, match=r"(?i)certificate") as error:
            await channel(port, security=security).send(TOLD)
        assert not isinstance(error.value, UndeliverableError)
        assert boxes.taken == []
        await channel(port, security=security, ca_file=str(pem)).send(TOLD)
    assert boxes.encrypted == [True]


async def test_starttls_is_not_left_out_where_the_server_has_none() -> None:
    boxes = Mailboxes()
    with smtp_server(boxes) as port, pytest.raises(DeliveryError, match="STARTTLS") as error:
        await channel(port, security="starttls").send(TOLD)
    assert not isinstance(error.value, UndeliverableError)
    assert boxes.taken == []


async def test_it_signs_in() -> None:
    boxes = Mailboxes()
    with smtp_server(boxes, auth=True) as port:
        await channel(port, username="solaris", password="s3cret").send(TOLD)
    assert len(boxes.taken) == 1


async def test_a_wrong_password_can_be_cured_and_is_not_said() -> None:
    boxes = Mailboxes()
    with smtp_server(boxes, auth=True) as port, pytest.raises(DeliveryError, match="535") as error:
        await channel(port, username="solaris", password="wr0ng").send(TOLD)
    assert not isinstance(error.value, UndeliverableError)
    assert "wr0ng" not in error.value.message


@pytest.mark.parametrize(
    ("step", "answer", "kind"),
    [
        ("RCPT", "450 4.2.0 greylisted", DeliveryError),
        ("RCPT", "550 5.1.1 no such user", UndeliverableError),
        ("DATA", "451 4.3.0 try later", DeliveryError),
        ("DATA", "554 5.7.1 looks like spam", UndeliverableError),
        ("MAIL", "550 5.7.1 you may not send from here", DeliveryError),  # our settings are wrong, not the mail
    ],
)
async def test_a_refusal_is_final_where_asking_again_cannot_help(
    step: str, answer: str, kind: type[DeliveryError]
) -> None:
    boxes = Mailboxes(answers={step: answer})
    with smtp_server(boxes) as port, pytest.raises(DeliveryError) as error:
        await channel(port).send(TOLD)
    assert type(error.value) is kind
    assert answer in error.value.message


async def test_what_is_no_address_is_undeliverable_without_asking_the_server() -> None:
    with pytest.raises(UndeliverableError, match="no such e-mail address"):
        await channel(1).send(replace(TOLD, target="ana@example.org\r\nRCPT TO:<eve@example.org>"))


async def test_a_server_that_is_away_is_asked_again_later() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(DeliveryError, match="cannot be used") as error:
            await channel(unused.getsockname()[1]).send(TOLD)
    assert not isinstance(error.value, UndeliverableError)


async def test_a_server_that_says_nothing_is_given_up_on() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(DeliveryError, match="cannot be used"):
            await channel(silent.getsockname()[1], timeout_seconds=0.3).send(TOLD)
