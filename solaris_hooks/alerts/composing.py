"""From a delivery as the books have it to what is sent: the reader's language and days are settled here."""

from __future__ import annotations

from solaris_hooks.alerts.delivery import Audience, ChannelName, Delivery
from solaris_hooks.ledger.delivery_records import Outgoing
from solaris_hooks.ledger.event import EventKind


def composed(outgoing: Outgoing, *, admin_locale: str, time_zone: str) -> Delivery:
    """What is sent.

    Args:
        outgoing: the delivery with what it tells.
        admin_locale: the administrators' language, and that of whoever has none.
        time_zone: days begin in this one where the reader has none.
    """
    to_user = outgoing.audience == Audience.USER
    return Delivery(
        delivery_id=outgoing.delivery_id,
        channel=ChannelName(outgoing.channel),
        target=outgoing.target,
        audience=Audience(outgoing.audience),
        event=outgoing.event,
        locale=_locale(outgoing) or admin_locale,
        time_zone=(outgoing.time_zone if to_user else None) or time_zone,
        name=outgoing.name,
        others=outgoing.others,
    )


def _locale(outgoing: Outgoing) -> str | None:
    """The reader's language: the user's own, or what a report's schedule says; None where nobody said."""
    if outgoing.audience == Audience.USER:
        return outgoing.locale
    said = outgoing.event.details.get("locale") if outgoing.event.kind is EventKind.REPORT_SCHEDULED else None
    return said if isinstance(said, str) else None
