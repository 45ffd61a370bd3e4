"""Which events go to whom: pure, so that it can be read and tested as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from solaris_hooks.alert_settings import AlertSettings, WebhookSettings
from solaris_hooks.alerts.delivery import Audience, ChannelName
from solaris_hooks.ledger.delivery_records import Happening, NewDelivery
from solaris_hooks.ledger.event import Event, EventKind

FOR_USERS = frozenset(
    {
        EventKind.THRESHOLD_CROSSED,
        EventKind.QUOTA_EXHAUSTED,
        EventKind.CREDIT_GRANTED,
        EventKind.CREDIT_DECIDED,
        EventKind.PERIOD_RENEWED,
        EventKind.PERIOD_RESET,
        EventKind.MESSAGE_SENT,
    }
)
SUSPENSIONS = frozenset({EventKind.ACCOUNT_SUSPENDED, EventKind.ACCOUNT_REACTIVATED})
"""Mailed to users where a setting says so."""

FOR_ADMINISTRATORS = frozenset(
    {
        EventKind.CREDIT_REQUESTED,
        EventKind.ANOMALY_DETECTED,
        EventKind.DELIVERY_FAILED,
        EventKind.REPORT_DIGEST,
        EventKind.REPORT_MONTHLY,
    }
)


@dataclass(frozen=True, slots=True)
class Routing:
    """Routes events by the settings.

    Attributes:
        mails: whether there is a mail server.
    """

    alerts: AlertSettings
    webhooks: Sequence[WebhookSettings]
    mails: bool

    def __call__(self, happening: Happening) -> list[NewDelivery]:
        """What is to be made of an event; nothing where nobody is told."""
        event = happening.event
        made = []
        if self._tells_user(happening) and happening.email:
            made.append(NewDelivery(event, ChannelName.MAIL, happening.email, Audience.USER))
        if self.mails and event.kind in FOR_ADMINISTRATORS:
            made += [
                NewDelivery(event, ChannelName.MAIL, address, Audience.ADMINISTRATOR)
                for address in self.alerts.admin_addresses
            ]
        if self.mails and event.kind is EventKind.REPORT_SCHEDULED:
            made += [
                NewDelivery(event, ChannelName.MAIL, address, Audience.ADMINISTRATOR)
                for address in _recipients(event) or self.alerts.admin_addresses
            ]
        made += [
            NewDelivery(event, ChannelName.WEBHOOK, webhook.name, Audience.ADMINISTRATOR)
            for webhook in self.webhooks
            if not webhook.kinds or event.kind in webhook.kinds
        ]
        return [each for each in made if not _tells_of_itself(each)]

    def _tells_user(self, happening: Happening) -> bool:
        """Whether the account's user gets a mail; nobody needs to hear of what was true days ago."""
        event = happening.event
        if not (self.mails and self.alerts.user_mails) or happening.stale:
            return False
        if event.kind in SUSPENSIONS:
            return self.alerts.mail_suspensions
        if event.kind is EventKind.MESSAGE_SENT:
            return event.details.get("mail") is True
        return event.kind in FOR_USERS and not _told_by_another(event)


def _recipients(event: Event) -> list[str]:
    """Whom a scheduled report goes to; nobody where it goes to the administrators of the settings."""
    said = event.details.get("recipients")
    return [each for each in said if isinstance(each, str)] if isinstance(said, list) else []


def _told_by_another(event: Event) -> bool:
    """Credits that were asked for are told with the answer to the request."""
    return event.kind is EventKind.CREDIT_GRANTED and event.details.get("origin") == "request"


def _tells_of_itself(made: NewDelivery) -> bool:
    """Whether it would tell a target over the channel to it that this does not work."""
    details = made.event.details
    return (
        made.event.kind is EventKind.DELIVERY_FAILED
        and details.get("channel") == made.channel
        and details.get("target") == made.target
    )
