"""One delivery for each mail: templates are tried with them at start, and the pictures in the docs show them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from uuid import UUID

from solaris_hooks.alerts.delivery import Audience, ChannelName, Delivery
from solaris_hooks.ledger.event import Event, EventKind
from solaris_hooks.quota.ids import AccountId

_AT = dt.datetime(2026, 11, 18, 17, 42, tzinfo=dt.UTC)
_ACCOUNT = AccountId("user:ana.souza")


def _figures(used: int, *, allowance: int = 1_000_000, credits_left: int = 0) -> dict[str, object]:
    granted = allowance + credits_left
    return {
        "plan": "default",
        "granted": granted,
        "used": used,
        "remaining": granted - used,
        "credits": credits_left,
        "overage": 0,
        "percent": 100 * used // granted,
        "period_start": "2026-11-01T03:00:00Z",
        "period_end": "2026-12-01T03:00:00Z",
    }


_ABOUT_ALL = frozenset(
    {EventKind.REPORT_DIGEST, EventKind.REPORT_MONTHLY, EventKind.REPORT_SCHEDULED, EventKind.DELIVERY_FAILED}
)


def _example(kind: EventKind, details: Mapping[str, object], audience: Audience = Audience.USER) -> Delivery:
    about_all = kind in _ABOUT_ALL
    return Delivery(
        delivery_id=UUID(int=0x0193_4000_0000_7000_8000_0000_0000_0001),
        channel=ChannelName.MAIL,
        target="ana@example.org" if audience is Audience.USER else "admin@example.org",
        audience=audience,
        event=Event(1, UUID(int=1), kind, None if about_all else _ACCOUNT, _AT, details),
        locale="pt_BR",
        time_zone="America/Sao_Paulo",
        name=None if about_all else "Ana Souza",
    )


_REQUEST = "01934000-0000-7000-8000-00000000000a"
_SPENT = _figures(1_000_000)
_WARNED = _figures(812_400)
_AFTER_GRANT = _figures(1_000_000, credits_left=200_000)

EXAMPLES = (
    _example(EventKind.THRESHOLD_CROSSED, {**_WARNED, "threshold": 80, "crossed": [80]}),
    _example(EventKind.QUOTA_EXHAUSTED, {**_SPENT, "threshold": 100, "crossed": [100]}),
    _example(
        EventKind.CREDIT_GRANTED,
        {**_AFTER_GRANT, "tokens": 200_000, "origin": "bonus", "reason": "projeto X", "expires_at": None},
    ),
    _example(
        EventKind.CREDIT_GRANTED,
        {**_AFTER_GRANT, "tokens": 200_000, "origin": "purchase", "reason": "", "expires_at": "2027-02-01T03:00:00Z"},
    ),
    _example(EventKind.CREDIT_REVOKED, {**_WARNED, "tokens": 50_000, "reason": "concedidos por engano"}),
    _example(
        EventKind.CREDIT_DECIDED,
        {
            **_AFTER_GRANT,
            "request_id": _REQUEST,
            "tokens": 200_000,
            "requested_tokens": 300_000,
            "approved": True,
            "reason": None,
        },
    ),
    _example(
        EventKind.CREDIT_DECIDED,
        {
            **_SPENT,
            "request_id": _REQUEST,
            "tokens": 200_000,
            "requested_tokens": 200_000,
            "approved": False,
            "reason": "O projeto X terminou em outubro.",
        },
    ),
    _example(
        EventKind.PERIOD_RENEWED,
        {**_figures(12_000, credits_left=140_000), "used_before": 1_072_000, "overage_repaid": 12_000},
    ),
    _example(EventKind.PERIOD_RESET, {**_figures(0), "tokens": 812_400, "reason": "falha nossa em 17/11"}),
    _example(EventKind.PERIOD_RESET, {**_figures(0), "tokens": 812_400, "reason": None}),
    _example(
        EventKind.MESSAGE_SENT,
        {**_WARNED, "text": "No sábado o serviço para das 8h às 9h.\nObrigado!", "chat": True, "mail": True},
    ),
    _example(EventKind.ACCOUNT_SUSPENDED, {**_WARNED, "status": "suspended", "reason": "chave vazada"}),
    _example(EventKind.ACCOUNT_SUSPENDED, {**_WARNED, "status": "blocked", "reason": None}),
    _example(EventKind.ACCOUNT_REACTIVATED, {**_WARNED, "status": "active", "reason": None}),
    _example(
        EventKind.CREDIT_REQUESTED,
        {
            **_SPENT,
            "request_id": _REQUEST,
            "tokens": 200_000,
            "reason": "projeto X",
            "package": "200k",
            "price": "29.90",
            "currency": "BRL",
        },
        Audience.ADMINISTRATOR,
    ),
    _example(
        EventKind.DELIVERY_FAILED,
        {
            "delivery_id": _REQUEST,
            "account": "user:bia",
            "kind": "threshold.crossed",
            "channel": "mail",
            "target": "bia@example.org",
            "attempts": 8,
            "error": "The mail server refused it: 550 5.1.1 no such user",
        },
        Audience.ADMINISTRATOR,
    ),
    _example(
        EventKind.ANOMALY_DETECTED,
        {**_WARNED, "day": "2026-11-18", "today": 412_000, "usual": 38_500, "action": "none"},
        Audience.ADMINISTRATOR,
    ),
    _example(
        EventKind.ANOMALY_DETECTED,
        {**_WARNED, "day": "2026-11-18", "today": 412_000, "usual": 38_500, "action": "suspend"},
        Audience.ADMINISTRATOR,
    ),
    _example(
        EventKind.REPORT_DIGEST,
        {
            "day": "2026-11-18",
            "from_percent": 80,
            "accounts": [
                {
                    "account": "user:ana.souza",
                    "name": "Ana Souza",
                    "percent": 97,
                    "remaining": 30_000,
                    "period_end": "2026-12-01T03:00:00Z",
                },
                {
                    "account": "user:bruno",
                    "name": None,
                    "percent": 81,
                    "remaining": 190_000,
                    "period_end": "2026-12-05T03:00:00Z",
                },
            ],
            "more": 3,
        },
        Audience.ADMINISTRATOR,
    ),
    _example(
        EventKind.REPORT_MONTHLY,
        {
            "month": "2026-10",
            "tokens": 48_213_077,
            "requests": 21_480,
            "estimated_requests": 12,
            "active_accounts": 118,
            "plans": [
                {"plan": "default", "accounts": 103, "requests": 14_020, "tokens": 22_930_551},
                {"plan": "pro", "accounts": 15, "requests": 7_460, "tokens": 25_282_526},
            ],
            "users": [
                {
                    "account": "user:ana.souza",
                    "name": "Ana Souza",
                    "plan": "pro",
                    "requests": 2_201,
                    "tokens": 9_871_020,
                },
                {"account": "user:bruno", "name": None, "plan": "default", "requests": 980, "tokens": 998_120},
            ],
            "models": [
                {"model": "gpt-4o", "requests": 15_900, "tokens": 39_001_944},
                {"model": "claude-sonnet", "requests": 5_580, "tokens": 9_211_133},
            ],
        },
        Audience.ADMINISTRATOR,
    ),
    *(
        _example(
            EventKind.REPORT_SCHEDULED,
            {
                "schedule": 3,
                "report": report,
                "every": "month",
                "on": 1,
                "format": "xlsx",
                "recipients": [],
                "locale": "pt_BR",
                "first_day": "2026-10-01",
                "last_day": "2026-10-31",
            },
            Audience.ADMINISTRATOR,
        )
        for report in ("user", "team", "model", "plan", "period", "accounts")
    ),
    _example(EventKind.ACCOUNT_CREATED, {**_figures(0), "email": "ana@example.org"}, Audience.ADMINISTRATOR),
    _example(EventKind.QUOTA_EXHAUSTED, {**_SPENT, "threshold": 100, "crossed": [100]}, Audience.ADMINISTRATOR),
)
"""Every template at least once, and each of its branches."""
