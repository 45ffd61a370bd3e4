"""What a client gets when a request is not admitted: LiteLLM's exception, with our words.

LibreChat shows ``"402 <message>"`` and little of it, so a message is one line of at most 240
characters with that prefix, without braces; see docs/reference/refusals.md.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from uuid import UUID

from litellm.proxy._types import ProxyException

from solaris_hooks.ledger.refusal_records import RefusalReason
from solaris_hooks.messages import day, sentence, whole_number
from solaris_hooks.quota.balance import Balance, Status
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.units import UnitUse

REFUSAL_ID_HEADER = "x-solaris-refusal-id"
"""Under which ``solaris refusals why`` explains a refusal."""

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
_STANDING_REASONS: Mapping[Status, RefusalReason] = MappingProxyType(
    {
        Status.SUSPENDED: RefusalReason.SUSPENDED,
        Status.BLOCKED: RefusalReason.BLOCKED,
        Status.PENDING: RefusalReason.PENDING,
    }
)


class Refused(ProxyException):
    """LiteLLM's exception, with what explains it, and the status also where the route for transcriptions looks for it.

    Attributes:
        reason: why.
        balance: the account's figures, as the books told them with the refusal; None where they told none.
    """

    def __init__(
        self,
        text: str,
        kind: str,
        status: int,
        headers: dict[str, str],
        *,
        reason: RefusalReason,
        balance: Balance | None = None,
        param: str | None = None,
    ) -> None:
        """Keep what the client gets, and what is kept of it."""
        text = one_line(text)
        super().__init__(message=text, type=kind, param=param, code=status, headers=headers, openai_code=kind)
        self.status_code = status
        self.reason = reason
        self.balance = balance


def quota_headers(balance: Balance) -> dict[str, str]:
    """The account's figures, for every answer: booked tokens, and the renewal in RFC 3339, UTC.

    To a member of a team, also his own; what remains is then what he can use, and what his team has stands beside it.
    """
    return {
        "x-solaris-quota-limit": str(balance.limit),
        "x-solaris-quota-used": str(balance.used),
        "x-solaris-quota-remaining": str(balance.available),
        "x-solaris-quota-reset": _rfc3339(balance.renews_at),
        "x-solaris-quota-state": balance.state.value,
        **_member_headers(balance),
    }


@lru_cache(maxsize=4096)  # few periods end at other times
def _rfc3339(instant: dt.datetime) -> str:
    return instant.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _member_headers(balance: Balance) -> dict[str, str]:
    share = balance.share
    if share is None:
        return {}
    return {
        **({} if share.limit is None else {"x-solaris-member-limit": str(share.limit)}),
        "x-solaris-member-used": str(share.used),
        "x-solaris-team-remaining": str(balance.available_to_all),
    }


def quota_exceeded(balance: Balance, *, needed: int, status: int) -> Refused:
    """The balance does not cover even the prompt.

    Args:
        balance: the account's figures.
        needed: booked tokens that the request needs at the least.
        status: HTTP status, by setting ``refusal_status``.
    """
    renewal = day(balance.locale, balance.renews_at, balance.time_zone)
    exhausted, tight, left = _lacking(balance, needed)
    if not left:
        reason = RefusalReason.EXHAUSTED
        text = sentence(balance.locale, exhausted, renewal=renewal)
    else:
        reason = RefusalReason.TIGHT
        text = sentence(
            balance.locale,
            tight,
            remaining=whole_number(balance.locale, left),
            needed=whole_number(balance.locale, needed),
            renewal=renewal,
        )
    headers = {**_NO_RETRY, **quota_headers(balance)}
    return Refused(text, "quota_exceeded", status, headers, reason=reason, balance=balance)


def _lacking(balance: Balance, needed: int) -> tuple[str, str, int]:
    """What is said of that which does not cover a request, used up or nearly so; and what is left of it."""
    if balance.share is None:
        return "refusal.exhausted", "refusal.tight", balance.left
    if balance.spendable_by_all >= needed:
        return "refusal.share_exhausted", "refusal.share_tight", balance.left
    return "refusal.team_exhausted", "refusal.team_tight", max(0, balance.spendable_by_all)


def quota_held(balance: Balance, *, needed: int) -> Refused:
    """The balance would cover the request, but other requests in flight hold it.

    Args:
        balance: the account's figures.
        needed: booked tokens that the request needs at the least.
    """
    headers = {"retry-after": str(RETRY_AFTER_SECONDS), **quota_headers(balance)}
    text = _held(balance, needed)
    return Refused(text, "quota_held", 429, headers, reason=RefusalReason.CONTENDED, balance=balance)


def _held(balance: Balance, needed: int) -> str:
    """Who holds what a request needs: its user, other requests of the same member, or those of a whole team."""
    if balance.share is None:
        return sentence(balance.locale, "refusal.held")
    if balance.available_to_all >= needed:
        return sentence(balance.locale, "refusal.share_held")
    return sentence(balance.locale, "refusal.team_held")


def requests_in_flight(balance: Balance) -> Refused:
    """As many requests of the account run as may run at once."""
    headers = {"retry-after": str(RETRY_AFTER_SECONDS), **quota_headers(balance)}
    text = sentence(balance.locale, "refusal.in_flight", running=str(balance.terms.max_in_flight))
    return Refused(text, "requests_in_flight", 429, headers, reason=RefusalReason.CROWDED, balance=balance)


def model_not_allowed(balance: Balance, model: str) -> Refused:
    """The account's plan does not include the model."""
    allowed = ", ".join(balance.terms.allowed_models or ()) or "-"
    text = sentence(balance.locale, "refusal.model", model=model, allowed=allowed)
    return Refused(
        text, "model_not_allowed", 403, dict(_NO_RETRY), reason=RefusalReason.MODEL, balance=balance, param="model"
    )


def account_inactive(balance: Balance) -> Refused:
    """The account is suspended, blocked or pending; with the reason an administrator gave, if one was."""
    text = standing(balance, balance.status_reason)
    kind = "account_pending" if balance.status is Status.PENDING else "account_suspended"
    reason = _STANDING_REASONS[balance.status]
    return Refused(text, kind, 403, dict(_NO_RETRY), reason=reason, balance=balance)


def standing(balance: Balance, reason: str | None) -> str:
    """What an administrator has said of an account that may use nothing, with the reason if there is one."""
    key, because = _STANDINGS[balance.status]
    return sentence(balance.locale, because, reason=reason) if reason else sentence(balance.locale, key)


def unknown_user(locale: str) -> Refused:
    """There is no account, and by setting none is made at a first request."""
    text = sentence(locale, "refusal.unknown_user")
    return Refused(text, "account_unknown", 403, dict(_NO_RETRY), reason=RefusalReason.UNKNOWN_USER)


def unavailable(locale: str, reason: RefusalReason = RefusalReason.UNAVAILABLE) -> Refused:
    """The books cannot be reached: nothing is admitted that could not be counted.

    Args:
        locale: language of the message.
        reason: another one, of which a client need not know.
    """
    return Refused(sentence(locale, "refusal.unavailable"), "quota_unavailable", 503, dict(_NO_RETRY), reason=reason)


def invalid_request(error: InvalidRequestError) -> Refused:
    """The request cannot be metered as it stands."""
    return Refused(
        error.message,
        "invalid_request_error",
        error.status,
        dict(_NO_RETRY),
        reason=RefusalReason.INVALID,
        param=error.param,
    )


def unmetered_call_type(locale: str, call_type: str) -> Refused:
    """A kind of call that is not metered, and that no setting lets pass."""
    text = sentence(locale, "refusal.call_type", call_type=call_type)
    return Refused(text, "call_type_not_metered", 403, dict(_NO_RETRY), reason=RefusalReason.CALL_TYPE)


def no_price(locale: str, model: str, use: UnitUse) -> Refused:
    """The call is paid by the unit, and no unit of it has a price with this model."""
    units = ", ".join(unit.value for unit in use.amounts)
    text = sentence(locale, "refusal.no_price", model=model, units=units)
    return Refused(text, "price_not_set", 403, dict(_NO_RETRY), reason=RefusalReason.NO_PRICE, param="model")


def identify(refused: Refused, refusal_id: UUID | None) -> None:
    """Let an answer name its refusal, if there is one to name. The sentence stays as it is: people read that one."""
    if refusal_id is not None:
        refused.headers[REFUSAL_ID_HEADER] = str(refusal_id)


def one_line(text: str) -> str:
    """Text that LibreChat shows whole: one line, no braces, at most 236 characters."""
    plain = re.sub(r"\s+", " ", text.replace("{", "(").replace("}", ")")).strip()
    if len(plain) <= MAX_MESSAGE_CHARACTERS:
        return plain
    return plain[: MAX_MESSAGE_CHARACTERS - 1].rstrip() + "…"
