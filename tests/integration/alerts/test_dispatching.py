"""Deliveries are made of events once, with their jobs, or not at all."""

from __future__ import annotations

import asyncio

import pytest

from solaris_hooks.alerts.dispatcher import BATCH, Dispatcher
from solaris_hooks.ledger import jobs
from solaris_hooks.ledger.delivery_records import Happening, NewDelivery
from solaris_hooks.quota.ids import AccountId

from .conftest import ADMIN, ANA, Alerts, webhook


async def test_an_event_becomes_a_delivery_and_its_job_once(alerts: Alerts) -> None:
    await alerts.use(800)
    assert await alerts.dispatcher.dispatch() == 2  # the account was made, too
    assert await alerts.states() == [("ana@example.org", "threshold.crossed", "pending")]
    assert alerts.jobs() == [row.delivery_id for row in await alerts.rows()]
    assert await alerts.dispatcher.dispatch() == 0
    assert len(alerts.jobs()) == 1


async def test_dispatchers_that_run_at_once_share_the_events(alerts: Alerts) -> None:
    alerts.addresses = (webhook(),)
    for number in range(2 * BATCH):
        await alerts.account(AccountId(f"user:{number}"))
    taken = await asyncio.gather(*(alerts.dispatcher.dispatch() for _ in range(4)))
    assert sum(taken) == 2 * BATCH + 1
    ((made, different),) = alerts.asked("SELECT count(*), count(DISTINCT event_id) FROM solaris.deliveries")
    assert (made, different, len(alerts.jobs())) == (2 * BATCH + 1, 2 * BATCH + 1, 2 * BATCH + 1)


async def test_a_dispatch_that_fails_half_way_leaves_nothing_behind(
    alerts: Alerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    await alerts.use(800)

    async def broken(*_: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "put_deliveries", broken)
        with pytest.raises(ConnectionResetError):
            await alerts.dispatcher.dispatch()
    assert (await alerts.rows(), alerts.jobs()) == ([], [])
    assert await alerts.dispatcher.dispatch() == 2
    assert len(alerts.jobs()) == 1


async def test_events_of_a_newer_release_are_left_to_its_processes(alerts: Alerts) -> None:
    alerts.asked(
        "INSERT INTO solaris.events (account_id, key, kind, at, details, in_chat) "
        "VALUES ('', 'x', 'comet.seen', now(), '{}', false)"
    )
    await alerts.dispatcher.dispatch()
    assert alerts.asked("SELECT dispatched_at FROM solaris.events WHERE kind = 'comet.seen'") == [(None,)]


async def test_one_who_wants_no_mails_gets_none(alerts: Alerts) -> None:
    await alerts.ledger.deliveries.set_mails(ANA, mails=False, actor="admin:root", reason="asked for it")
    assert not await alerts.ledger.deliveries.gets_mails(ANA)
    assert ("admin:root", "asked for it") in alerts.asked(
        "SELECT actor, reason FROM solaris.audit WHERE action = 'account.mails'"
    )
    await alerts.use(800)
    await alerts.dispatcher.dispatch()
    assert await alerts.rows() == []


async def test_users_are_not_mailed_what_happened_days_ago(alerts: Alerts) -> None:
    await alerts.use(800)
    alerts.asked("UPDATE solaris.events SET at = at - interval '4 days'")
    await alerts.dispatcher.dispatch()
    assert await alerts.rows() == []


async def test_an_event_goes_to_each_of_its_targets(alerts: Alerts) -> None:
    def everywhere(happening: Happening) -> list[NewDelivery]:
        return [
            NewDelivery(happening.event, channel, target, "administrator")
            for channel, target in (("mail", ADMIN), ("webhook", "a"), ("webhook", "b"), ("webhook", "b"))
        ]

    await Dispatcher(alerts.ledger.deliveries, everywhere).dispatch()  # type: ignore[arg-type]
    assert [(row.channel, row.target) for row in await alerts.rows(account_id=ANA)] == [
        ("mail", ADMIN),
        ("webhook", "a"),
        ("webhook", "b"),
    ]
