"""A rendered mail as an internet message: text and HTML, with headers that nothing can break out of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from uuid import UUID

from solaris_hooks.alerts.mail.attachments import Attachment
from solaris_hooks.mail_settings import MailSettings, mailbox

SUBJECT_CHARACTERS = 200
"""More than any subject of ours; what users chose (names, reasons) may be longer."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a mail says, and the files that go with it."""

    subject: str
    text: str
    html: str
    attachments: Sequence[Attachment] = ()


def one_line(text: str, most: int = SUBJECT_CHARACTERS) -> str:
    """Text as a header may carry it: control characters and line breaks become blanks, and it is cut."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def build_message(
    rendered: Rendered,
    settings: MailSettings,
    *,
    to: str,
    name: str | None,
    delivery_id: UUID,
    locale: str,
    now: dt.datetime,
) -> EmailMessage:
    """The message of one delivery.

    Args:
        rendered: what it says.
        settings: whom it comes from.
        to: the recipient's address.
        name: the recipient's name; None where nobody knows it.
        delivery_id: whatever is sent again for the same delivery has the same ``Message-ID``.
        locale: the language of the text, as ``Content-Language`` says it.
        now: the date of the message.

    Raises:
        ValueError: ``to`` is no e-mail address.
    """
    recipient = mailbox(to)
    sender = mailbox(settings.from_address)
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(one_line(settings.from_name), sender.username, sender.domain)
    message["To"] = Address(one_line(name or "", 80), recipient.username, recipient.domain)
    if settings.reply_to:
        message["Reply-To"] = settings.reply_to
    message["Subject"] = one_line(rendered.subject)
    message["Date"] = now
    message["Message-ID"] = f"<{delivery_id}@{sender.domain}>"
    # Written by a program: no out-of-office answers, please (RFC 3834, and Exchange's own word for it).
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    for each in rendered.attachments:
        kind, _, subtype = each.media_type.partition(";")[0].partition("/")
        message.add_attachment(each.content, kind, subtype, filename=each.name)
    message["Content-Language"] = locale.replace("_", "-")  # contents replace such headers
    return message
