"""What notices say: one sentence for each event, in the language of the account."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from solaris_hooks.ledger.event import Event, EventKind
from solaris_hooks.messages import day, sentence, whole_number
from solaris_hooks.quota.balance import Balance
from solaris_hooks.quota.rules import FULL

_OF_TEAMS: Mapping[str, str] = MappingProxyType(
    {
        "notice.threshold": "notice.team_threshold",
        "notice.exhausted": "notice.team_exhausted",
        "notice.cut": "notice.team_cut",
        "notice.renewed": "notice.team_renewed",
        "notice.granted": "notice.team_granted",
        "notice.granted_until": "notice.team_granted_until",
        "notice.approved": "notice.team_approved",
        "notice.rejected": "notice.team_rejected",
        "notice.rejected_because": "notice.team_rejected_because",
    }
)
"""What happens to a team's account is told to whichever member asks next, who may not be the one that it concerns."""

_REMAINING = {EventKind.PERIOD_RENEWED: "notice.renewed", EventKind.PERIOD_RESET: "notice.reset"}
_MARKUP = re.compile(r"[\\`*_\[\]<>|~$]|&(?=#?\w+;)")
_ADDRESS = re.compile(r"https?://[\w.:/?=%#&+~,;@-]+$")


def paragraph(balance: Balance, events: Sequence[Event], *, cut: bool, commands: bool, mark: int | None = None) -> str:
    """What the user is told; empty where it is nothing.

    Args:
        balance: the account's figures now.
        events: taken for the chat, oldest first.
        cut: the answer ends here because nothing is left.
        commands: whether the chat answers commands.
        mark: of his own limit, that a member of a team has reached, percent; None for none.
    """
    crossed = [event for event in events if event.kind in {EventKind.THRESHOLD_CROSSED, EventKind.QUOTA_EXHAUSTED}]
    said = [text for event in events if (text := _said(balance, event))]
    by_share = cut and _bound_by_share(balance)
    if cut:
        said.append(_with_renewal(balance, "notice.share_cut" if by_share else "notice.cut"))
    else:
        said += [_threshold(balance, event) for event in crossed[-1:]]
    if mark is not None and not by_share:
        said.append(_mark(balance, mark))
    if cut or crossed or mark is not None:
        how = "notice.by_commands" if commands else "notice.by_administrator"
        said.append(sentence(balance.locale, how))
    return " ".join(said)


def _threshold(balance: Balance, event: Event) -> str:
    if event.kind is EventKind.QUOTA_EXHAUSTED:
        return _with_renewal(balance, "notice.exhausted")
    return _sentence(
        balance,
        "notice.threshold",
        percent=str(balance.use_percent),
        remaining=whole_number(balance.locale, max(0, balance.spendable_by_all)),
        renewal=day(balance.locale, balance.renews_at, balance.time_zone),
    )


def _mark(balance: Balance, mark: int) -> str:
    """That a member has used so much of his own limit."""
    if mark >= FULL or balance.share is None:
        return _with_renewal(balance, "notice.share_exhausted")
    return sentence(
        balance.locale,
        "notice.share_threshold",
        percent=str(balance.share.use_percent),
        remaining=whole_number(balance.locale, balance.left),
        renewal=day(balance.locale, balance.renews_at, balance.time_zone),
    )


def _bound_by_share(balance: Balance) -> bool:
    """Whether a member's own limit leaves less than his team has."""
    left = balance.share.left if balance.share is not None else None
    return left is not None and left < balance.spendable_by_all


def _said(balance: Balance, event: Event) -> str:
    """What is told of an event that is no threshold."""
    locale = balance.locale
    if event.kind in _REMAINING:
        return _sentence(balance, _REMAINING[event.kind], remaining=whole_number(locale, balance.left))
    if event.kind is EventKind.MESSAGE_SENT:
        return sentence(locale, "notice.message", text=plain(str(event.details.get("text") or "")))
    tokens = event.details.get("tokens")
    number = whole_number(locale, tokens) if isinstance(tokens, int) else "?"
    if event.kind is EventKind.CREDIT_GRANTED:
        expires = event.details.get("expires_at")
        if not isinstance(expires, str):
            return _sentence(balance, "notice.granted", tokens=number)
        expiry = day(locale, dt.datetime.fromisoformat(expires), balance.time_zone)
        return _sentence(balance, "notice.granted_until", tokens=number, expiry=expiry)
    if event.kind is EventKind.CREDIT_DECIDED:
        return _decided(balance, event, number)
    return ""


def plain(text: str) -> str:
    """Text in one line that Markdown shows as it was written; addresses of the web stay whole."""
    words = (word if _ADDRESS.match(word) else _MARKUP.sub(r"\\\g<0>", word) for word in text.split())
    return " ".join(words)


def _decided(balance: Balance, event: Event, number: str) -> str:
    reason = " ".join(str(event.details.get("reason") or "").split())
    if event.details.get("approved") is True:
        return _sentence(balance, "notice.approved", tokens=number)
    if reason:
        return _sentence(balance, "notice.rejected_because", tokens=number, reason=reason)
    return _sentence(balance, "notice.rejected", tokens=number)


def _with_renewal(balance: Balance, key: str) -> str:
    return _sentence(balance, key, renewal=day(balance.locale, balance.renews_at, balance.time_zone))


def _sentence(balance: Balance, key: str, **values: str) -> str:
    """A sentence about the account, which may be that of a team."""
    return sentence(balance.locale, key if balance.share is None else _OF_TEAMS.get(key, key), **values)
