"""The e-mail channel: one SMTP conversation for each delivery."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Callable
from dataclasses import replace
from email.message import EmailMessage
from functools import partial

import aiosmtplib

from solaris_hooks.alerts.delivery import Delivery, DeliveryError, UndeliverableError
from solaris_hooks.alerts.mail.attachments import ReportFiles
from solaris_hooks.alerts.mail.mails import Mails
from solaris_hooks.alerts.mail.message import build_message
from solaris_hooks.alerts.mail.templates import MailTemplateError
from solaris_hooks.alerts.pace import DailyTotals
from solaris_hooks.mail_settings import MailSecurity, MailSettings
from solaris_hooks.settings import Settings

PERMANENT = 500
"""SMTP answers from here on will not change by asking again."""


class MailChannel:
    """Sends deliveries as mails; see :class:`solaris_hooks.alerts.delivery.Channel`."""

    def __init__(
        self,
        settings: MailSettings,
        mails: Mails,
        reports: ReportFiles | None = None,
        *,
        now: Callable[[], dt.datetime] | None = None,
    ) -> None:
        """Keep the settings; connect to nothing yet.

        Args:
            settings: the server, and whom mails come from.
            mails: renders them.
            reports: makes the files of scheduled reports; None attaches none.
            now: a clock for tests; None for the time it is.
        """
        self._settings = settings
        self._mails = mails
        self._reports = reports
        self._now = now or partial(dt.datetime.now, dt.UTC)
        self._tls = ssl.create_default_context()
        if settings.ca_file:
            self._tls.load_verify_locations(settings.ca_file)

    async def send(self, delivery: Delivery) -> None:
        """See :meth:`Channel.send`. Returns when the server has taken the mail over.

        A server that takes a mail and whose answer is lost gets it again, under the same ``Message-ID``.
        """
        files = await self._reports.of((delivery.event, *delivery.others)) if self._reports is not None else {}
        try:
            rendered = await self._mails.render(delivery, attached=delivery.event.event_id in files)
            message = build_message(
                replace(rendered, attachments=tuple(files.values())),
                self._settings,
                to=delivery.target,
                name=delivery.name,
                delivery_id=delivery.delivery_id,
                locale=delivery.locale,
                now=self._now(),
            )
        except MailTemplateError as exc:
            raise UndeliverableError(f"The mail cannot be written: {exc}") from exc
        except ValueError as exc:
            raise UndeliverableError(f"There is no such e-mail address: {delivery.target!r}") from exc
        await self._hand_over(message)

    async def _hand_over(self, message: EmailMessage) -> None:
        try:
            async with self._client() as server:
                await server.send_message(message)
        except aiosmtplib.SMTPRecipientsRefused as exc:
            answer = exc.recipients[0]
            raise _refused(answer.code, answer.message) from exc
        except (aiosmtplib.SMTPDataError, aiosmtplib.SMTPRecipientRefused) as exc:
            raise _refused(exc.code, exc.message) from exc
        except aiosmtplib.SMTPResponseException as exc:
            # It refuses us, not this mail: once the settings are right, the mail can go.
            raise DeliveryError(f"The mail server answered {exc.code} {_said(exc.message)}") from exc
        except (aiosmtplib.SMTPException, OSError) as exc:
            raise DeliveryError(f"The mail server cannot be used: {exc}") from exc

    def _client(self) -> aiosmtplib.SMTP:
        settings = self._settings
        return aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port_number,
            use_tls=settings.security is MailSecurity.TLS,
            start_tls=settings.security is MailSecurity.STARTTLS,
            tls_context=self._tls if settings.security is not MailSecurity.NONE else None,
            username=settings.username or None,
            password=settings.password.get_secret_value() or None if settings.username else None,
            timeout=settings.timeout_seconds,
        )


def _refused(code: int, message: str) -> DeliveryError:
    kind = UndeliverableError if code >= PERMANENT else DeliveryError
    return kind(f"The mail server refused it: {code} {_said(message)}")


def _said(message: str) -> str:
    return " ".join(message.split())[:300]


def mail_channel(
    settings: Settings, usage: DailyTotals | None = None, reports: ReportFiles | None = None
) -> MailChannel | None:
    """The channel that the settings describe; None where no mail server is set.

    Args:
        settings: all settings.
        usage: daily totals, for the day on which a balance will be used up; None leaves that sentence out.
        reports: makes the files of scheduled reports; None attaches none.

    Raises:
        SettingsError: a template of the operator's is wrong; the message names its file and line.
    """
    if settings.mail is None:
        return None
    return MailChannel(settings.mail, Mails.of(settings, settings.mail, usage), reports)
