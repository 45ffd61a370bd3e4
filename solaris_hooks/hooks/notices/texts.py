"""What notices say: one sentence for each event, in the language of the account."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

from solaris_hooks.ledger.event import Event, EventKind
from solaris_hooks.messages import day, sentence, whole_number
from solaris_hooks.quota.balance import Balance

_REMAINING = {EventKind.PERIOD_RENEWED: "notice.renewed", EventKind.PERIOD_RESET: "notice.reset"}
_MARKUP = re.compile(r"[\\`*_\[\]<>|~$]|&(?=#?\w+;)")
_ADDRESS = re.compile(r"https?://[\w.:/?=%#&+~,;@-]+$")


def paragraph(balance: Balance, events: Sequence[Event], *, cut: bool, commands: bool) -> str:
    """What the user is told; empty where it is nothing.

    Args:
        balance: the account's figures now.
        events: taken for the chat, oldest first.
        cut: the answer ends here because nothing is left.
        commands: whether the chat answers commands.
    """
    crossed = [event for event in events if event.kind in {EventKind.THRESHOLD_CROSSED, EventKind.QUOTA_EXHAUSTED}]
    said = [text for event in events if (text := _said(balance, event))]
    if cut:
        said.append(_with_renewal(balance, "notice.cut"))
    elif crossed:
        said.append(_threshold(balance, crossed[-1]))
    if cut or crossed:
        how = "notice.by_commands" if commands else "notice.by_administrator"
        said.append(sentence(balance.locale, how))
    return " ".join(said)


def _threshold(balance: Balance, event: Event) -> str:
    if event.kind is EventKind.QUOTA_EXHAUSTED:
        return _with_renewal(balance, "notice.exhausted")
    return sentence(
        balance.locale,
        "notice.threshold",
        percent=str(balance.use_percent),
        remaining=whole_number(balance.locale, balance.remaining),
        renewal=day(balance.locale, balance.renews_at, balance.time_zone),
    )


def _said(balance: Balance, event: Event) -> str:
    """What is told of an event that is no threshold."""
    locale = balance.locale
    if event.kind in _REMAINING:
        return sentence(locale, _REMAINING[event.kind], remaining=whole_number(locale, balance.remaining))
    if event.kind is EventKind.MESSAGE_SENT:
        return sentence(locale, "notice.message", text=plain(str(event.details.get("text") or "")))
    tokens = event.details.get("tokens")
    number = whole_number(locale, tokens) if isinstance(tokens, int) else "?"
    if event.kind is EventKind.CREDIT_GRANTED:
        expires = event.details.get("expires_at")
        if not isinstance(expires, str):
            return sentence(locale, "notice.granted", tokens=number)
        expiry = day(locale, dt.datetime.fromisoformat(expires), balance.time_zone)
        return sentence(locale, "notice.granted_until", tokens=number, expiry=expiry)
    if event.kind is EventKind.CREDIT_DECIDED:
        return _decided(locale, event, number)
    return ""


def plain(text: str) -> str:
    """Text in one line that Markdown shows as it was written; addresses of the web stay whole."""
    words = (word if _ADDRESS.match(word) else _MARKUP.sub(r"\\\g<0>", word) for word in text.split())
    return " ".join(words)


def _decided(locale: str, event: Event, number: str) -> str:
    reason = " ".join(str(event.details.get("reason") or "").split())
    if event.details.get("approved") is True:
        return sentence(locale, "notice.approved", tokens=number)
    if reason:
        return sentence(locale, "notice.rejected_because", tokens=number, reason=reason)
    return sentence(locale, "notice.rejected", tokens=number)


def _with_renewal(balance: Balance, key: str) -> str:
    return sentence(balance.locale, key, renewal=day(balance.locale, balance.renews_at, balance.time_zone))
