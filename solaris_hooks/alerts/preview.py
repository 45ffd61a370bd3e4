"""What a delivery says, for whoever looks at it: written anew from its event, sent to nobody."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from uuid import UUID

from solaris_hooks.alerts.composing import composed
from solaris_hooks.alerts.delivery import ChannelName, Delivery, UndeliverableError
from solaris_hooks.alerts.mail.mails import Mails
from solaris_hooks.alerts.mail.templates import MailTemplateError, Templates
from solaris_hooks.alerts.webhooks.bodies import body
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.quota.errors import NotFoundError, SettingsError
from solaris_hooks.settings import Settings

BRAND = "SOLARIS"
"""What mails come from where no mail server is set."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A message.

    Attributes:
        subject: of a mail; None of what goes to a webhook.
        text: plain text of a mail, or JSON. Either may carry what users wrote: it is not markup.
    """

    subject: str | None
    text: str


class Previews:
    """Writes messages as the worker would, with the templates and formats of the settings."""

    def __init__(self, settings: Settings, ledger: PostgresLedger) -> None:
        """Keep what messages are made of."""
        self._settings = settings
        self._ledger = ledger
        self._mails: Mails | None = None

    async def of(self, delivery_id: UUID) -> Preview | None:
        """What a delivery says; None where it cannot be told: its event is forgotten, its webhook or template gone.

        Raises:
            LedgerError: the books cannot be read.
        """
        try:
            outgoing = await self._ledger.deliveries.outgoing(delivery_id)
        except NotFoundError:
            return None
        delivery = composed(
            outgoing, admin_locale=self._settings.alerts.admin_locale, time_zone=self._settings.default_time_zone
        )
        if delivery.channel is ChannelName.WEBHOOK:
            return self._webhook(delivery)
        return await self._mail(delivery)

    async def _mail(self, delivery: Delivery) -> Preview | None:
        try:
            if self._mails is None:
                # Every template is tried, which takes a while that a proxy's requests must not wait for.
                self._mails = await asyncio.to_thread(self._made)
            rendered = await self._mails.render(delivery)
        except (SettingsError, MailTemplateError, UndeliverableError):
            return None
        return Preview(rendered.subject, rendered.text)

    def _made(self) -> Mails:
        if self._settings.mail is not None:
            return Mails.of(self._settings, self._settings.mail, self._ledger)
        return Mails(Templates(), brand=BRAND, public_url=self._settings.public_url, usage=self._ledger)

    def _webhook(self, delivery: Delivery) -> Preview | None:
        known = next((each for each in self._settings.webhooks if each.name == delivery.target), None)
        if known is None:
            return None
        return Preview(None, json.dumps(json.loads(body(known.format, delivery)), indent=2, ensure_ascii=False))
