"""Which template tells which event to whom, and the mail that it makes of one delivery."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import replace
from pathlib import Path

from solaris_hooks.alerts.delivery import Audience, Delivery, UndeliverableError
from solaris_hooks.alerts.mail.examples import EXAMPLES
from solaris_hooks.alerts.mail.message import Rendered
from solaris_hooks.alerts.mail.templates import MailTemplateError, Templates
from solaris_hooks.alerts.mail.words import Figures, words_of
from solaris_hooks.alerts.pace import DailyTotals, day_of_exhaustion
from solaris_hooks.ledger.event import EventKind
from solaris_hooks.mail_settings import MailSettings
from solaris_hooks.messages import LOCALES
from solaris_hooks.quota.errors import LedgerError, SettingsError
from solaris_hooks.settings import Settings

FOR_USERS = {
    EventKind.THRESHOLD_CROSSED: "threshold-crossed",
    EventKind.QUOTA_EXHAUSTED: "quota-exhausted",
    EventKind.CREDIT_GRANTED: "credit-granted",
    EventKind.CREDIT_REVOKED: "credit-revoked",
    EventKind.CREDIT_DECIDED: "credit-decided",
    EventKind.PERIOD_RENEWED: "period-renewed",
    EventKind.PERIOD_RESET: "period-reset",
    EventKind.MESSAGE_SENT: "message-sent",
    EventKind.ACCOUNT_SUSPENDED: "account-suspended",
    EventKind.ACCOUNT_REACTIVATED: "account-reactivated",
}
FOR_ADMINISTRATORS = {
    EventKind.CREDIT_REQUESTED: "credit-requested",
    EventKind.DELIVERY_FAILED: "delivery-failed",
    EventKind.ANOMALY_DETECTED: "anomaly-detected",
    EventKind.REPORT_DIGEST: "report-digest",
    EventKind.REPORT_MONTHLY: "report-monthly",
    EventKind.REPORT_SCHEDULED: "report-scheduled",
}
ANY_EVENT = "event"
"""Tells administrators of everything else, by its name and figures."""


class Mails:
    """Renders deliveries as mails."""

    def __init__(self, templates: Templates, *, brand: str, public_url: str, usage: DailyTotals | None) -> None:
        """Keep what mails are made of; see :func:`solaris_hooks.alerts.mail.channel.mail_channel`."""
        self._templates = templates
        self._brand = brand
        self._public_url = public_url
        self._usage = usage

    @classmethod
    def of(cls, settings: Settings, mail: MailSettings, usage: DailyTotals | None) -> Mails:
        """As the settings say; every template has been tried.

        Raises:
            SettingsError: a template of the operator's is wrong; the message names its file and line.
        """
        try:
            folder = Path(mail.template_directory) if mail.template_directory else None
            mails = cls(Templates(folder), brand=mail.from_name, public_url=settings.public_url, usage=usage)
            mails.check()
        except MailTemplateError as exc:
            raise SettingsError(f"solaris_settings.mail.template_directory: {exc}") from exc
        return mails

    def check(self) -> None:
        """Render every mail from examples, in each language, with and without what may be missing.

        Raises:
            MailTemplateError: one cannot be rendered.
        """
        for example in EXAMPLES:
            for locale in LOCALES:
                told = replace(example, locale=locale)
                self.render_with(told, projection=example.event.at.date())
                self.render_with(replace(told, name=None, others=(example.event,)), projection=None, attached=False)

    async def render(self, delivery: Delivery, *, attached: bool = True) -> Rendered:
        """The mail of a delivery.

        Args:
            delivery: what is told, and to whom.
            attached: whether the file that the event is about goes with it.

        Raises:
            UndeliverableError: users are not told of such events by mail.
            MailTemplateError: the template cannot be rendered.
        """
        projected, projection = await self._projection(delivery)
        # Some 5 ms of work, which in a proxy must not keep its requests waiting.
        return await asyncio.to_thread(
            self.render_with, delivery, projection=projection, projected=projected, attached=attached
        )

    async def _projection(self, delivery: Delivery) -> tuple[bool, dt.date | None]:
        """Whether the day of exhaustion is known, and the day."""
        figures = Figures.of(delivery.event)
        account_id = delivery.event.account_id
        if self._usage is None or figures is None or account_id is None or delivery.audience is not Audience.USER:
            return False, None
        try:
            day = await day_of_exhaustion(
                self._usage,
                account_id,
                remaining=figures.remaining,
                at=delivery.event.at,
                renewal=figures.period_end,
                time_zone=delivery.time_zone,
            )
        except LedgerError:  # better a mail without that day than none
            return False, None
        return True, day

    def render_with(
        self, delivery: Delivery, *, projection: dt.date | None, projected: bool = True, attached: bool = True
    ) -> Rendered:
        """The mail of a delivery, the day of exhaustion being known; arguments as of ``words_of``."""
        return self._templates.render(
            _template_of(delivery),
            words_of(
                delivery,
                brand=self._brand,
                public_url=self._public_url,
                projection=projection,
                projected=projected,
                attached=attached,
            ),
        )


def _template_of(delivery: Delivery) -> str:
    kind = delivery.event.kind
    if delivery.audience is Audience.ADMINISTRATOR:
        return FOR_ADMINISTRATORS.get(kind, ANY_EVENT)
    if kind not in FOR_USERS:
        raise UndeliverableError(f"Users get no mail about {kind.value}.")
    return FOR_USERS[kind]
