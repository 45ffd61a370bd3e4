"""Alerts on the pages: what was sent, what was not, what it says, and sending it again."""

from __future__ import annotations

import datetime as dt
from uuid import UUID, uuid4

import httpx
import pytest

from solaris_hooks.alert_settings import AlertSettings, WebhookFormat, WebhookSettings
from solaris_hooks.alerts.routing import Routing
from solaris_hooks.ledger.audit_trail import AuditFilter
from solaris_hooks.ledger.delivery_records import DeliveryFilter, DeliveryRecord, DeliveryState, Limits
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, Grant
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.settings import Settings
from tests.integration.web.asking import ADMIN, send, signed_in

LIMITS = Limits(most_attempts=10, lease=dt.timedelta(minutes=1), mails_per_account=1000, mails=10_000, fold_above=1000)
HOOK = WebhookSettings(name="chat", url="https://chat.example/secret-path", format=WebhookFormat.SLACK)


@pytest.fixture
def settings(web_url: str) -> Settings:
    return Settings(database_url=web_url, default_locale="en", public_url="http://proxy", webhooks=[HOOK])


async def told(books: PostgresLedger, *, webhooks: bool = False) -> tuple[AccountId, list[DeliveryRecord]]:
    """Somebody who was granted credits, and the messages about it that wait: one by mail, perhaps one by webhook."""
    who = AccountId(f"user:{uuid4().hex[:12]}")
    change = AccountChange(name="Iara <b>Lima</b>", email=f"{who[5:]}@example.org", locale="en")
    await books.put_account(who, change, actor="admin:root")
    await books.grant_credits(Grant(who, 5_000, "thanks for <i>waiting</i>", "admin:root", uuid4().hex))
    routing = Routing(AlertSettings(), (HOOK,) if webhooks else (), mails=True)
    while await books.deliveries.dispatch(routing, limit=200, stale_after=dt.timedelta(days=9)):
        pass
    found = await books.deliveries.deliveries(DeliveryFilter(account_id=who), limit=50)
    return who, [each for each in found if each.kind == "credit.granted"]


async def ended(books: PostgresLedger, delivery_id: UUID, state: DeliveryState, error: str | None = None) -> None:
    await books.deliveries.begin(delivery_id, LIMITS)
    await books.deliveries.end(delivery_id, state, error)


async def test_messages_are_listed_by_state_channel_and_account(
    admin: httpx.AsyncClient, books: PostgresLedger
) -> None:
    who, deliveries = await told(books, webhooks=True)
    mail = next(each for each in deliveries if each.channel == "mail")
    hook = next(each for each in deliveries if each.channel == "webhook")
    await ended(books, mail.delivery_id, DeliveryState.DEAD, "550 <b>mailbox</b> unavailable")
    mails, hooks = f"{ADMIN}/alerts/{mail.delivery_id}", f"{ADMIN}/alerts/{hook.delivery_id}"
    for asked, shown, hidden in (
        ({"account": who}, {mails, hooks}, set()),
        ({"account": who, "state": "dead"}, {mails}, {hooks}),
        ({"account": who, "channel": "webhook"}, {hooks}, {mails}),
        ({"account": who, "state": "sent"}, set(), {mails, hooks}),
        ({"account": "user:nobody"}, set(), {mails, hooks}),
        ({"account": "\x00"}, set(), {mails, hooks}),
    ):
        page = await admin.get(f"{ADMIN}/alerts", params=asked)
        assert page.status_code == 200
        assert all(each in page.text for each in shown), asked
        assert not any(each in page.text for each in hidden), asked
    page = await admin.get(f"{ADMIN}/alerts", params={"account": who})
    assert "550 &lt;b&gt;mailbox&lt;/b&gt; unavailable" in page.text


async def test_badges_count_what_is_not_sent_yet(admin: httpx.AsyncClient, books: PostgresLedger) -> None:
    _, (mail, *_) = await told(books)
    before = await books.deliveries.open_counts()
    await ended(books, mail.delivery_id, DeliveryState.DEAD, "no")
    after = await books.deliveries.open_counts()
    assert after[DeliveryState.DEAD] == before.get(DeliveryState.DEAD, 0) + 1
    assert after.get(DeliveryState.PENDING, 0) == before[DeliveryState.PENDING] - 1
    assert DeliveryState.SENT not in after
    page = (await admin.get(f"{ADMIN}/alerts")).text
    assert f'<span class="badge count bad">{after[DeliveryState.DEAD]}</span>' in page


async def test_the_list_has_pages(
    admin: httpx.AsyncClient, books: PostgresLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("solaris_hooks.web.admin.alerts.PAGE", 1)
    who, deliveries = await told(books, webhooks=True)
    ids = sorted((str(each.delivery_id) for each in deliveries), reverse=True)
    first = await admin.get(f"{ADMIN}/alerts", params={"account": who})
    assert (ids[0] in first.text, f"/alerts/{ids[1]}" in first.text) == (True, False)
    second = await admin.get(f"{ADMIN}/alerts", params={"account": who, "place": ids[0]})
    assert (f"/alerts/{ids[0]}" in second.text, ids[1] in second.text) == (False, True)


async def test_a_mail_s_page_says_what_the_mail_says_as_text(admin: httpx.AsyncClient, books: PostgresLedger) -> None:
    _, (mail, *_) = await told(books)
    page = (await admin.get(f"{ADMIN}/alerts/{mail.delivery_id}")).text
    assert "5,000" in page
    assert "thanks for &lt;i&gt;waiting&lt;/i&gt;" in page
    assert "<i>waiting" not in page
    assert mail.target in page


async def test_a_webhook_s_page_shows_its_body_and_never_its_address(
    admin: httpx.AsyncClient, books: PostgresLedger
) -> None:
    _, deliveries = await told(books, webhooks=True)
    hook = next(each for each in deliveries if each.channel == "webhook")
    page = (await admin.get(f"{ADMIN}/alerts/{hook.delivery_id}")).text
    assert "&#34;text&#34;" in page
    assert "secret-path" not in page


async def test_sending_again_wants_a_reason_and_is_written_down(
    admin: httpx.AsyncClient, books: PostgresLedger
) -> None:
    who, (mail, *_) = await told(books)
    await ended(books, mail.delivery_id, DeliveryState.DEAD, "550")
    path = f"/alerts/{mail.delivery_id}/resend"
    without = await send(admin, path, reason=" ")
    assert (without.status_code, "Fill this in." in without.text) == (400, True)
    answer = await send(admin, path, reason="address was corrected")
    assert answer.headers["location"] == f"{ADMIN}/alerts/{mail.delivery_id}?done=resent"
    now = await books.deliveries.delivery(mail.delivery_id)
    assert now is not None
    assert (now.state, now.resends) == (DeliveryState.PENDING, 1)
    (record,) = await books.trail.records(AuditFilter(account_id=who, action="delivery.resend"))
    assert (record.actor, record.reason) == ("admin:boss", "address was corrected")
    again = await send(admin, path, reason="twice")
    assert (again.status_code, "about to be sent anyway" in again.text) == (409, True)


async def test_operators_may_send_again_and_auditors_may_not(browser: httpx.AsyncClient, books: PostgresLedger) -> None:
    _, (mail, *_) = await told(books)
    await ended(books, mail.delivery_id, DeliveryState.DEAD, "550")
    await signed_in(browser, "sk-auditor")
    assert "/resend" not in (await browser.get(f"{ADMIN}/alerts/{mail.delivery_id}")).text
    refused = await send(browser, f"/alerts/{mail.delivery_id}/resend", reason="x")
    assert refused.status_code == 403
    await signed_in(browser, "sk-operator")
    assert "/resend" in (await browser.get(f"{ADMIN}/alerts/{mail.delivery_id}")).text
    assert (await send(browser, f"/alerts/{mail.delivery_id}/resend", reason="x")).status_code == 303


async def test_events_tell_the_figures_of_their_moment(admin: httpx.AsyncClient, books: PostgresLedger) -> None:
    who, _ = await told(books)
    page = (await admin.get(f"{ADMIN}/alerts/events", params={"account": who})).text
    assert "Credits granted" in page
    assert "Account opened" in page
    assert "0 % used" in page
    assert "<dt>granted</dt><dd>1,005,000</dd>" in page
    piece = await admin.get(f"{ADMIN}/alerts/events", params={"account": who}, headers={"hx-request": "true"})
    assert "<html" not in piece.text
    assert "Nothing has happened" in (await admin.get(f"{ADMIN}/alerts/events?account=user:nobody")).text


@pytest.mark.parametrize("delivery_id", ["nonsense", "00000000-0000-7000-8000-000000000000"])
async def test_a_message_that_there_is_not(admin: httpx.AsyncClient, delivery_id: str) -> None:
    assert (await admin.get(f"{ADMIN}/alerts/{delivery_id}")).status_code == 404
