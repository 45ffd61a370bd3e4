"""A delivery is sent, tried again, given up or left out; and never storms."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from uuid import UUID, uuid4

import pytest

from solaris_hooks.alerts.delivery import DeliveryError, UndeliverableError
from solaris_hooks.alerts.sending import LEASE, TryAgainError
from solaris_hooks.ledger.delivery_records import DeliveryState
from solaris_hooks.quota.errors import ConflictError, NotFoundError
from solaris_hooks.quota.ids import AccountId

from .conftest import ADMIN, ANA, Alerts, webhook

USER = "ana@example.org"


async def one(alerts: Alerts) -> UUID:
    """A delivery to Ana that waits."""
    await alerts.use(800)
    await alerts.dispatcher.dispatch()
    (row,) = await alerts.rows()
    return row.delivery_id


async def test_a_delivery_is_sent_to_its_reader_in_his_language(alerts: Alerts) -> None:
    await alerts.sender.deliver(await one(alerts))
    (sent,) = alerts.mail.sent
    assert (sent.target, sent.locale, sent.time_zone, sent.name) == (USER, "en", "America/Sao_Paulo", "Ana")
    assert sent.event.details["percent"] == 80
    assert await alerts.states() == [(USER, "threshold.crossed", "sent")]


async def test_what_was_sent_is_not_sent_again(alerts: Alerts) -> None:
    delivery = await one(alerts)
    await alerts.sender.deliver(delivery)
    await alerts.sender.deliver(delivery)
    assert len(alerts.mail.sent) == 1


async def test_a_failure_is_tried_again_later(alerts: Alerts) -> None:
    delivery = await one(alerts)
    alerts.mail.failures.append(DeliveryError("The server is away."))
    before = dt.datetime.now(dt.UTC)
    with pytest.raises(TryAgainError) as failed:
        await alerts.sender.deliver(delivery)
    assert failed.value.at > before + dt.timedelta(seconds=7)
    (row,) = await alerts.rows()
    assert (row.state, row.attempts, row.last_error) == (DeliveryState.FAILED, 1, "The server is away.")
    await alerts.sender.deliver(delivery)
    (row,) = await alerts.rows()
    assert (row.state, row.attempts, row.last_error) == (DeliveryState.SENT, 2, None)


async def test_a_defect_of_a_channel_is_a_failure_like_others(alerts: Alerts) -> None:
    delivery = await one(alerts)
    alerts.mail.failures.append(KeyError("secret of the template"))
    with pytest.raises(TryAgainError):
        await alerts.sender.deliver(delivery)
    assert [row.last_error for row in await alerts.rows()] == ["KeyError: see the log."]


async def test_what_cannot_be_delivered_is_given_up_at_once_and_told(alerts: Alerts) -> None:
    alerts.mail.failures.append(UndeliverableError("There is no such address."))
    await alerts.sender.deliver(await one(alerts))
    assert await alerts.states() == [(USER, "threshold.crossed", "dead")]
    (event,) = [event for event in await alerts.ledger.events() if event.kind == "delivery.failed"]
    assert event.account_id is None
    assert {name: event.details[name] for name in ("channel", "target", "kind", "error", "attempts", "account")} == {
        "channel": "mail",
        "target": USER,
        "kind": "threshold.crossed",
        "error": "There is no such address.",
        "attempts": 1,
        "account": ANA,
    }


async def test_after_the_last_attempt_it_is_given_up(alerts: Alerts) -> None:
    alerts.settings = alerts.settings.model_copy(update={"most_attempts": 2})
    delivery = await one(alerts)
    alerts.mail.failures += [DeliveryError("away"), DeliveryError("away")]
    with pytest.raises(TryAgainError):
        await alerts.sender.deliver(delivery)
    await alerts.sender.deliver(delivery)
    assert [row.state for row in await alerts.rows()] == [DeliveryState.DEAD]


async def test_a_failure_to_tell_of_a_failure_makes_no_further_event(alerts: Alerts) -> None:
    alerts.mail.failures += [UndeliverableError("no"), UndeliverableError("no")]
    await alerts.sender.deliver(await one(alerts))
    await alerts.dispatcher.dispatch()
    row = (await alerts.rows())[-1]
    assert (row.target, row.kind) == (ADMIN, "delivery.failed")
    await alerts.sender.deliver(row.delivery_id)
    assert await alerts.dispatcher.dispatch() == 0
    assert [state for _, _, state in await alerts.states()] == ["dead", "dead"]


async def test_a_target_that_takes_nothing_is_told_of_once_an_hour(alerts: Alerts) -> None:
    alerts.addresses = (webhook(),)
    for number in range(5):
        await alerts.account(AccountId(f"user:{number}"))
    await alerts.dispatcher.dispatch()
    alerts.webhooks.failures += [UndeliverableError("gone")] * 6
    for row in await alerts.rows():
        await alerts.sender.deliver(row.delivery_id)
    assert [state for _, _, state in await alerts.states()] == ["dead"] * 6
    # Two, if the hour ends meanwhile.
    assert 1 <= len([event for event in await alerts.ledger.events() if event.kind == "delivery.failed"]) <= 2


async def test_an_attempt_that_died_leaves_the_delivery_alone_for_a_while(alerts: Alerts) -> None:
    delivery = await one(alerts)
    alerts.mail.failures.append(SystemExit())  # type: ignore[arg-type]
    with pytest.raises(SystemExit):
        await alerts.sender.deliver(delivery)
    with pytest.raises(TryAgainError) as busy:
        await alerts.sender.deliver(delivery)
    assert busy.value.at < dt.datetime.now(dt.UTC) + LEASE + dt.timedelta(seconds=2)
    alerts.due_now()
    await alerts.sender.deliver(delivery)
    assert len(alerts.mail.sent) == 1


async def test_a_crash_between_sending_and_writing_it_down_sends_it_again_under_the_same_id(
    alerts: Alerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = await one(alerts)

    async def dies(*_: object) -> bool:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(alerts.ledger.deliveries, "end", dies)
        with pytest.raises(SystemExit):
            await alerts.sender.deliver(delivery)
    alerts.due_now()
    await alerts.sender.deliver(delivery)
    assert [sent.delivery_id for sent in alerts.mail.sent] == [delivery, delivery]


async def test_a_message_that_kills_its_sender_each_time_is_given_up(alerts: Alerts) -> None:
    delivery = await one(alerts)
    alerts.asked("UPDATE solaris.deliveries SET attempts = 10")
    await alerts.sender.deliver(delivery)
    (row,) = await alerts.rows()
    assert (row.state, alerts.mail.sent) == (DeliveryState.DEAD, [])


async def test_a_later_threshold_makes_an_earlier_one_superfluous(alerts: Alerts) -> None:
    await alerts.use(800)
    await alerts.use(160)
    await alerts.dispatcher.dispatch()
    for row in await alerts.rows():
        await alerts.sender.deliver(row.delivery_id)
    assert [sent.event.details["threshold"] for sent in alerts.mail.sent] == [95]
    assert [state for _, _, state in await alerts.states()] == ["skipped", "sent"]


async def test_programs_are_told_of_every_threshold(alerts: Alerts) -> None:
    alerts.addresses = (webhook(kinds=("threshold.crossed",)),)
    await alerts.use(800)
    await alerts.use(160)
    await alerts.dispatcher.dispatch()
    for row in await alerts.rows(channel="webhook"):
        await alerts.sender.deliver(row.delivery_id)
    assert [sent.event.details["threshold"] for sent in alerts.webhooks.sent] == [80, 95]


async def test_one_account_gets_so_many_mails_an_hour_and_the_rest_later(alerts: Alerts) -> None:
    alerts.settings = alerts.settings.model_copy(update={"mails_per_account_per_hour": 2})
    await alerts.account(AccountId("user:bia"), email="bia@example.org")
    for _ in range(3):
        await alerts.grant(10)
    await alerts.grant(10, account_id=AccountId("user:bia"))
    await alerts.dispatcher.dispatch()
    put_off = []
    for row in await alerts.rows():
        try:
            await alerts.sender.deliver(row.delivery_id)
        except TryAgainError as exc:
            put_off.append((row.target, exc.at))
    assert [target for target, _ in alerts.mail.said] == [USER, USER, "bia@example.org"]
    ((target, at),) = put_off
    assert (target, at > dt.datetime.now(dt.UTC) + dt.timedelta(minutes=55)) == (USER, True)
    assert [row.attempts for row in await alerts.rows(state=DeliveryState.PENDING)] == [0]


async def test_all_mails_together_have_a_limit(alerts: Alerts) -> None:
    alerts.settings = alerts.settings.model_copy(update={"mails_per_hour": 1})
    await alerts.grant(10)
    await alerts.grant(10)
    await alerts.dispatcher.dispatch()
    first, second = await alerts.rows()
    await alerts.sender.deliver(first.delivery_id)
    with pytest.raises(TryAgainError):
        await alerts.sender.deliver(second.delivery_id)
    alerts.asked("UPDATE solaris.deliveries SET attempted_at = attempted_at - interval '1 hour'")
    await alerts.sender.deliver(second.delivery_id)
    assert len(alerts.mail.sent) == 2


async def test_summaries_leave_room_for_what_is_urgent(alerts: Alerts) -> None:
    alerts.settings = alerts.settings.model_copy(update={"mails_per_hour": 4})
    names = [AccountId(f"user:{number}") for number in range(5)]
    for name in names:
        await alerts.account(name, email=f"{name[5:]}@example.org")
    alerts.asked("UPDATE solaris.events SET kind = 'period.renewed'")
    await alerts.use(800)
    await alerts.dispatcher.dispatch()
    for row in await alerts.rows():
        with suppress(TryAgainError):
            await alerts.sender.deliver(row.delivery_id)
    assert [kind for _, kind in alerts.mail.said] == ["period.renewed"] * 3 + ["threshold.crossed"]


async def test_many_mails_that_wait_for_one_reader_become_one(alerts: Alerts) -> None:
    for number in range(1, 8):
        await alerts.grant(number)
    await alerts.dispatcher.dispatch()
    waiting = [row.delivery_id for row in await alerts.rows()]
    alerts.mail.failures.append(DeliveryError("The server is away."))
    with pytest.raises(TryAgainError):
        await alerts.sender.deliver(waiting[2])
    await alerts.grant(8)  # while the server is away
    await alerts.dispatcher.dispatch()
    for delivery in waiting:
        await alerts.sender.deliver(delivery)
    (sent,) = alerts.mail.sent
    assert sent.event.details["tokens"] == 3
    assert [event.details["tokens"] for event in sent.others] == [1, 2, 4, 5, 6, 7]
    told = [row for row in await alerts.rows() if row.folded_into == waiting[2]]
    assert [row.state for row in told] == [DeliveryState.SKIPPED] * 6
    assert [row.state for row in await alerts.rows(state=DeliveryState.PENDING)] == [DeliveryState.PENDING]


async def test_a_digest_that_is_told_by_a_later_digest_takes_its_events_along(alerts: Alerts) -> None:
    alerts.settings = alerts.settings.model_copy(update={"fold_above": 2})
    for tokens in (1, 2, 3):
        await alerts.grant(tokens)
    await alerts.dispatcher.dispatch()
    alerts.mail.failures.append(DeliveryError("The server is away."))
    with pytest.raises(TryAgainError):
        await alerts.sender.deliver((await alerts.rows())[0].delivery_id)
    for tokens in (4, 5):
        await alerts.grant(tokens)
    await alerts.dispatcher.dispatch()
    await alerts.sender.deliver((await alerts.rows())[-1].delivery_id)
    (sent,) = alerts.mail.sent
    assert sent.event.details["tokens"] == 5
    assert [event.details["tokens"] for event in sent.others] == [1, 2, 3, 4]


async def test_a_person_can_have_a_delivery_sent_again(alerts: Alerts) -> None:
    delivery = await one(alerts)
    alerts.mail.failures.append(UndeliverableError("no"))
    await alerts.sender.deliver(delivery)
    row = await alerts.ledger.deliveries.resend(delivery, actor="admin:root", reason="address corrected")
    assert (row.state, row.attempts, row.resends, row.last_error) == (DeliveryState.PENDING, 0, 1, None)
    assert alerts.jobs().count(delivery) == 2
    await alerts.sender.deliver(delivery)
    assert len(alerts.mail.sent) == 1
    assert alerts.asked(
        "SELECT actor, action, account_id, subject, before ->> 'state', reason FROM solaris.audit "
        "WHERE action = 'delivery.resend'"
    ) == [("admin:root", "delivery.resend", ANA, str(delivery), "dead", "address corrected")]


async def test_what_is_about_to_be_sent_is_not_sent_again(alerts: Alerts) -> None:
    delivery = await one(alerts)
    with pytest.raises(ConflictError):
        await alerts.ledger.deliveries.resend(delivery, actor="admin:root", reason="")
    with pytest.raises(NotFoundError):
        await alerts.ledger.deliveries.resend(uuid4(), actor="admin:root", reason="")
    assert len(alerts.jobs()) == 1


async def test_what_ended_long_ago_is_forgotten(alerts: Alerts) -> None:
    await alerts.sender.deliver(await one(alerts))
    old = dt.timedelta(days=400)
    assert await alerts.ledger.deliveries.purge(older_than=old, limit=10) == 0
    alerts.asked("UPDATE solaris.deliveries SET created_at = created_at - interval '401 days'")
    alerts.asked("UPDATE solaris.events SET at = at - interval '401 days', told_at = now()")
    await alerts.ledger.deliveries.purge(older_than=old, limit=10)
    assert (await alerts.rows(), await alerts.ledger.events()) == ([], [])


async def test_what_waits_is_never_forgotten(alerts: Alerts) -> None:
    await one(alerts)
    alerts.asked("UPDATE solaris.deliveries SET created_at = created_at - interval '401 days'")
    alerts.asked("UPDATE solaris.events SET at = at - interval '401 days', told_at = now()")
    await alerts.ledger.deliveries.purge(older_than=dt.timedelta(days=400), limit=10)
    assert len(await alerts.rows()) == 1
