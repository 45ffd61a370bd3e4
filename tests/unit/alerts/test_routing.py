"""Which events go to whom."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

import pytest

from solaris_hooks.alert_settings import AlertSettings, WebhookFormat, WebhookSettings
from solaris_hooks.alerts.routing import Routing
from solaris_hooks.ledger.delivery_records import Happening
from solaris_hooks.ledger.event import Event, EventKind
from solaris_hooks.quota.ids import AccountId

ANA = "ana@example.org"
ADMIN = "admin@example.org"


def happening(kind: EventKind, *, email: str | None = ANA, stale: bool = False, **details: object) -> Happening:
    event = Event(7, UUID(int=7), kind, AccountId("user:ana"), dt.datetime(2026, 11, 1, tzinfo=dt.UTC), details)
    return Happening(event, email, stale)


def chat(name: str, *kinds: EventKind) -> WebhookSettings:
    return WebhookSettings(name=name, url="https://litellm-proxy/x", format=WebhookFormat.SLACK, kinds=kinds)


def targets(
    found: Happening, *, webhooks: tuple[WebhookSettings, ...] = (), mails: bool = True, **more: Any
) -> list[str]:
    alerts = AlertSettings(**{"admin_addresses": (ADMIN,), **more})
    return [each.target for each in Routing(alerts, webhooks, mails=mails)(found)]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (EventKind.ACCOUNT_CREATED, []),
        (EventKind.ACCOUNT_SUSPENDED, []),
        (EventKind.ACCOUNT_REACTIVATED, []),
        (EventKind.THRESHOLD_CROSSED, [ANA]),
        (EventKind.QUOTA_EXHAUSTED, [ANA]),
        (EventKind.CREDIT_GRANTED, [ANA]),
        (EventKind.CREDIT_REVOKED, []),
        (EventKind.CREDIT_REQUESTED, [ADMIN]),
        (EventKind.CREDIT_DECIDED, [ANA]),
        (EventKind.PERIOD_RENEWED, [ANA]),
        (EventKind.PERIOD_RESET, [ANA]),
        (EventKind.MESSAGE_SENT, []),
        (EventKind.ACCOUNT_MERGED, []),
        (EventKind.ANOMALY_DETECTED, [ADMIN]),
        (EventKind.DELIVERY_FAILED, [ADMIN]),
        (EventKind.REPORT_DIGEST, [ADMIN]),
        (EventKind.REPORT_MONTHLY, [ADMIN]),
        (EventKind.REPORT_SCHEDULED, [ADMIN]),
    ],
)
def test_who_gets_a_mail_of_what(kind: EventKind, told: list[str]) -> None:
    assert targets(happening(kind)) == told


def test_every_kind_has_its_rule() -> None:
    (mark,) = test_who_gets_a_mail_of_what.pytestmark  # type: ignore[attr-defined]
    assert {kind for kind, _ in mark.args[1]} == set(EventKind)


def test_a_message_is_mailed_where_whoever_sent_it_said_so() -> None:
    assert targets(happening(EventKind.MESSAGE_SENT, mail=True)) == [ANA]
    assert targets(happening(EventKind.MESSAGE_SENT, mail=False)) == []


def test_a_scheduled_report_goes_to_those_it_names_or_else_to_administrators() -> None:
    named = happening(EventKind.REPORT_SCHEDULED, recipients=["cfo@example.org", "cto@example.org"])
    assert targets(named) == ["cfo@example.org", "cto@example.org"]
    assert targets(happening(EventKind.REPORT_SCHEDULED, recipients=[])) == [ADMIN]
    assert targets(named, mails=False) == []


def test_suspensions_are_mailed_where_a_setting_says_so() -> None:
    assert targets(happening(EventKind.ACCOUNT_SUSPENDED), mail_suspensions=True) == [ANA]


def test_nobody_is_mailed_without_an_address_or_a_server() -> None:
    assert targets(happening(EventKind.THRESHOLD_CROSSED, email=None)) == []
    assert targets(happening(EventKind.CREDIT_REQUESTED), admin_addresses=()) == []
    assert targets(happening(EventKind.THRESHOLD_CROSSED), mails=False) == []
    assert targets(happening(EventKind.CREDIT_REQUESTED), mails=False) == []


def test_users_mails_can_be_switched_off_alone() -> None:
    assert targets(happening(EventKind.THRESHOLD_CROSSED), user_mails=False) == []
    assert targets(happening(EventKind.CREDIT_REQUESTED), user_mails=False) == [ADMIN]


def test_users_need_not_hear_of_what_was_days_ago() -> None:
    assert targets(happening(EventKind.THRESHOLD_CROSSED, stale=True)) == []
    assert targets(happening(EventKind.THRESHOLD_CROSSED, stale=True), webhooks=(chat("a"),)) == ["a"]


def test_credits_that_were_asked_for_are_told_with_the_answer() -> None:
    assert targets(happening(EventKind.CREDIT_GRANTED, origin="request")) == []


def test_webhooks_get_everything_or_the_kinds_they_name() -> None:
    webhooks = (chat("all"), chat("some", EventKind.QUOTA_EXHAUSTED))
    assert targets(happening(EventKind.ACCOUNT_CREATED), webhooks=webhooks) == ["all"]
    assert targets(happening(EventKind.QUOTA_EXHAUSTED), webhooks=webhooks) == [ANA, "all", "some"]


def test_what_does_not_work_is_not_told_to_itself() -> None:
    failed = happening(EventKind.DELIVERY_FAILED, channel="webhook", target="all")
    assert targets(failed, webhooks=(chat("all"), chat("other"))) == [ADMIN, "other"]
    failed = happening(EventKind.DELIVERY_FAILED, channel="mail", target=ADMIN)
    assert targets(failed, webhooks=(chat("all"),)) == ["all"]
