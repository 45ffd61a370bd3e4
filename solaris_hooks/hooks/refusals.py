"""What a client gets when a request is not admitted: LiteLLM's exception, with our words.

LibreChat shows ``"402 <message>"`` and little of it, so a message is one line of at most 240
characters with that prefix, without braces; see docs/reference/refusals.md.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from types import MappingProxyType

from litellm.proxy._types import ProxyException

from solaris_hooks.messages import day, sentence, whole_number
from solaris_hooks.quota.balance import Balance, Status
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.units import UnitUse

MAX_MESSAGE_CHARACTERS = 240 - len("402 ")

RETRY_AFTER_SECONDS = 10
"""Suggested to a client whose tokens other requests hold; answers to chats take about this long."""

_NO_RETRY = {"x-should-retry": "false"}
"""Respected by the official OpenAI clients, which would otherwise repeat a request on 409, 429 and 5xx."""


_STANDINGS: Mapping[Status, tuple[str, str]] = MappingProxyType(
    {
        Status.SUSPENDED: ("refusal.suspended", "refusal.suspended_because"),
        Status.BLOCKED: ("refusal.blocked", "refusal.blocked_because"),
        Status.PENDING: ("refusal.pending", "refusal.pending_because"),
    }
)


def quota_headers(balance: Balance) -> dict[str, str]:
    """The account's figures, for every answer: booked tokens, and the renewal in RFC 3339, UTC.

    To a member of a team, also his own; what remains is then what he can use, and what his team has stands beside it.
    """
    return {
        "x-solaris-quota-limit": str(balance.limit),
        "x-solaris-quota-used": str(balance.used),
        "x-solaris-quota-remaining": str(balance.available),
        "x-solaris-quota-reset": balance.renews_at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-solaris-quota-state": balance.state.value,
        **_member_headers(balance),
    }


def _member_headers(balance: Balance) -> dict[str, str]:
    share = balance.share
    if share is None:
        return {}
    return {
        **({} if share.limit is None else {"x-solaris-member-limit": str(share.limit)}),
        "x-solaris-member-used": str(share.used),
        "x-solaris-team-remaining": str(balance.available_to_all),
    }


def quota_exceeded(balance: Balance, *, needed: int, status: int) -> ProxyException:
    """The balance does not cover even the prompt.

    Args:
        balance: the account's figures.
        needed: booked tokens that the request needs at the least.
        status: HTTP status, by setting ``refusal_status``.
    """
    renewal = day(balance.locale, balance.renews_at, balance.time_zone)
    exhausted, tight, left = _lacking(balance, needed)
    if not left:
        text = sentence(balance.locale, exhausted, renewal=renewal)
    else:
        text = sentence(
            balance.locale,
            tight,
            remaining=whole_number(balance.locale, left),
            needed=whole_number(balance.locale, needed),
            renewal=renewal,
        )
    return _refusal(text, "quota_exceeded", status, {**_NO_RETRY, **quota_headers(balance)})


def _lacking(balance: Balance, needed: int) -> tuple[str, str, int]:
    """What is said of that which does not cover a request, used up or nearly so; and what is left of it."""
    if balance.share is None:
        return "refusal.exhausted", "refusal.tight", balance.left
    if balance.spendable_by_all >= needed:
        return "refusal.share_exhausted", "refusal.share_tight", balance.left
    return "refusal.team_exhausted", "refusal.team_tight", max(0, balance.spendable_by_all)


def quota_held(balance: Balance, *, needed: int) -> ProxyException:
    """The balance would cover the request, but other requests in flight hold it.

    Args:
        balance: the account's figures.
        needed: booked tokens that the request needs at the least.
    """
    headers = {"retry-after": str(RETRY_AFTER_SECONDS), **quota_headers(balance)}
    return _refusal(_held(balance, needed), "quota_held", 429, headers)


def _held(balance: Balance, needed: int) -> str:
    """Who holds what a request needs: its user, other requests of the same member, or those of a whole team."""
    if balance.share is None:
        return sentence(balance.locale, "refusal.held")
    if balance.available_to_all >= needed:
        return sentence(balance.locale, "refusal.share_held")
    return sentence(balance.locale, "refusal.team_held")


def requests_in_flight(balance: Balance) -> ProxyException:
    """As many requests of the account run as may run at once."""
    headers = {"retry-after": str(RETRY_AFTER_SECONDS), **quota_headers(balance)}
    text = sentence(balance.locale, "refusal.in_flight", running=str(balance.terms.max_in_flight))
    return _refusal(text, "requests_in_flight", 429, headers)


def model_not_allowed(balance: Balance, model: str) -> ProxyException:
    """The account's plan does not include the model."""
    allowed = ", ".join(balance.terms.allowed_models or ()) or "-"
    text = sentence(balance.locale, "refusal.model", model=model, allowed=allowed)
    return _refusal(text, "model_not_allowed", 403, dict(_NO_RETRY), param="model")


def account_inactive(balance: Balance) -> ProxyException:
    """The account is suspended, blocked or pending; with the reason an administrator gave, if one was."""
    text = standing(balance, balance.status_reason)
    kind = "account_pending" if balance.status is Status.PENDING else "account_suspended"
    return _refusal(text, kind, 403, dict(_NO_RETRY))


def standing(balance: Balance, reason: str | None) -> str:
    """What an administrator has said of an account that may use nothing, with the reason if there is one."""
    key, because = _STANDINGS[balance.status]
    return sentence(balance.locale, because, reason=reason) if reason else sentence(balance.locale, key)


def unknown_user(locale: str) -> ProxyException:
    """There is no account, and by setting none is made at a first request."""
    return _refusal(sentence(locale, "refusal.unknown_user"), "account_unknown", 403, dict(_NO_RETRY))


def unavailable(locale: str) -> ProxyException:
    """The books cannot be reached: nothing is admitted that could not be counted."""
    return _refusal(sentence(locale, "refusal.unavailable"), "quota_unavailable", 503, dict(_NO_RETRY))


def invalid_request(error: InvalidRequestError) -> ProxyException:
    """The request cannot be metered as it stands."""
    return _refusal(error.message, "invalid_request_error", error.status, dict(_NO_RETRY), param=error.param)


def unmetered_call_type(locale: str, call_type: str) -> ProxyException:
    """A kind of call that is not metered, and that no setting lets pass."""
    text = sentence(locale, "refusal.call_type", call_type=call_type)
    return _refusal(text, "call_type_not_metered", 403, dict(_NO_RETRY))


def no_price(locale: str, model: str, use: UnitUse) -> ProxyException:
    """The call is paid by the unit, and no unit of it has a price with this model."""
    units = ", ".join(unit.value for unit in use.amounts)
    text = sentence(locale, "refusal.no_price", model=model, units=units)
    return _refusal(text, "price_not_set", 403, dict(_NO_RETRY), param="model")


def one_line(text: str) -> str:
    """Text that LibreChat shows whole: one line, no braces, at most 236 characters."""
    plain = re.sub(r"\s+", " ", text.replace("{", "(").replace("}", ")")).strip()
    if len(plain) <= MAX_MESSAGE_CHARACTERS:
        return plain
    return plain[: MAX_MESSAGE_CHARACTERS - 1].rstrip() + "…"


def _refusal(text: str, kind: str, status: int, headers: dict[str, str], *, param: str | None = None) -> ProxyException:
    return _Refusal(one_line(text), kind, param, status, headers)


class _Refusal(ProxyException):
    """LiteLLM's exception, with the status also where the route for transcriptions looks for it."""

    def __init__(self, text: str, kind: str, param: str | None, status: int, headers: dict[str, str]) -> None:
        super().__init__(message=text, type=kind, param=param, code=status, headers=headers, openai_code=kind)
        self.status_code = status
