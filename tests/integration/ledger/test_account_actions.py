"""Use set back to zero, messages, preferences: of both ledgers."""

from __future__ import annotations

import pytest

from solaris_hooks.ledger.account_actions import (
    MOST_MESSAGES_A_DAY,
    Message,
    MessageOutcome,
    MessageResult,
    PreferenceChange,
    Preferences,
    Reset,
    ResetResult,
)
from solaris_hooks.ledger.account_list import AccountFilter
from solaris_hooks.ledger.audit_trail import AuditFilter
from solaris_hooks.ledger.event import EventKind
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, EntryKind
from solaris_hooks.quota.balance import State
from solaris_hooks.quota.errors import ConflictError, NotFoundError
from tests.integration.rolling_up import roll_up

from .world import ANA, World, facts


async def reset(world: World, key: str = "k") -> ResetResult:
    return await world.ledger.actions.reset(Reset(ANA, "our failure", "admin:root", key))


async def send(
    world: World, text: str = "Olá", key: str = "m", *, chat: bool = True, mail: bool = False
) -> MessageResult:
    return await world.ledger.actions.send(Message(ANA, text, "admin:root", key, in_chat=chat, by_mail=mail))


async def test_a_reset_gives_the_full_allowance_again_and_forgives_what_is_owed(world: World) -> None:
    await world.plan(100)
    await world.hold(0, 0)
    await world.grant(20)
    await world.use(150)
    before = (await world.account()).balance
    assert (before.allowance_used, before.credits_used, before.overage) == (100, 20, 30)

    assert await reset(world) == ResetResult(130, replayed=False)

    balance = (await world.account()).balance
    assert (balance.allowance_used, balance.credits_used, balance.overage, balance.remaining) == (0, 0, 0, 100)
    assert balance.period == before.period
    entry = await world.last(EntryKind.RESET)
    assert (entry.tokens, entry.allowance_after, entry.overage_after, entry.reason) == (130, 100, 0, "our failure")
    assert facts(entry) == {"allowance_used": 100, "credits_used": 20, "overage_forgiven": 30}
    event = (await world.ledger.events(ANA))[0]
    assert (event.kind, event.details["tokens"], event.details["percent"]) == (EventKind.PERIOD_RESET, 130, 0)
    (record,) = await world.ledger.trail.records(AuditFilter(action="account.reset"))
    assert record.before == {"allowance_used": 100, "credits_used": 20, "overage": 30}
    assert record.after == {"allowance_used": 0, "credits_used": 0, "overage": 0}


async def test_a_period_is_reset_once_for_each_key_and_a_key_that_did_nothing_can_be_used_again(world: World) -> None:
    await world.plan(100)
    await world.hold(0, 0)
    assert await reset(world) == ResetResult(0, replayed=False)
    await world.use(40)
    assert await reset(world) == ResetResult(40, replayed=False)
    await world.use(5)
    story = await world.story()
    assert await reset(world) == ResetResult(40, replayed=True)
    assert await world.story() == story
    assert await reset(world, "another") == ResetResult(5, replayed=False)


async def test_thresholds_are_told_again_after_a_reset_and_old_ones_no_longer(world: World) -> None:
    await world.plan(100)
    await world.hold(0, 0)
    await world.use(85)
    await reset(world)
    assert [event.kind for event in await world.ledger.take_notices(ANA)] == [EventKind.PERIOD_RESET]
    await world.use(85)
    assert [event.kind for event in await world.ledger.take_notices(ANA)] == [EventKind.THRESHOLD_CROSSED]


async def test_a_reset_leaves_what_requests_hold(world: World) -> None:
    await world.plan(100)
    await world.hold(0, 0)
    await world.use(60)
    await world.hold(30)
    await reset(world)
    balance = (await world.account()).balance
    assert (balance.held, balance.remaining) == (30, 100)


async def test_a_message_is_told_in_the_chat_once(world: World) -> None:
    await world.hold(0, 0)
    assert await send(world) == MessageResult(MessageOutcome.SENT, chat=True, mail=False)
    assert await send(world) == MessageResult(MessageOutcome.REPLAYED, chat=True, mail=False)
    (told,) = await world.ledger.take_notices(ANA)
    assert (told.kind, told.details["text"], told.details["chat"], told.details["mail"]) == (
        EventKind.MESSAGE_SENT,
        "Olá",
        True,
        False,
    )
    assert "admin:root" not in str(told.details)
    (record,) = await world.ledger.trail.records(AuditFilter(action="message.send"))
    assert (record.actor, record.after) == ("admin:root", {"text": "Olá", "chat": True, "mail": False})
    with pytest.raises(ConflictError):
        await send(world, "another text")


async def test_a_message_goes_the_ways_that_the_user_has(world: World) -> None:
    await world.hold(0, 0)
    assert await send(world, chat=False, mail=True) == MessageResult(MessageOutcome.UNREACHABLE, chat=False, mail=False)
    await world.ledger.put_account(ANA, AccountChange(email="ana@example.org"), actor="admin:root")
    assert await send(world, chat=False, mail=True) == MessageResult(MessageOutcome.SENT, chat=False, mail=True)
    assert await world.ledger.take_notices(ANA) in ([], ())
    await world.ledger.actions.set_preferences(PreferenceChange(ANA, ANA, mails=False))
    assert await send(world, key="both", mail=True) == MessageResult(MessageOutcome.SENT, chat=True, mail=False)
    await world.ledger.actions.set_preferences(PreferenceChange(ANA, ANA, chat_notices=False))
    assert (await send(world, key="none", mail=True)).outcome is MessageOutcome.UNREACHABLE


async def test_nobody_is_written_to_all_day(world: World) -> None:
    await world.hold(0, 0)
    for number in range(MOST_MESSAGES_A_DAY):
        assert (await send(world, key=str(number))).outcome is MessageOutcome.SENT
    assert (await send(world, key="more")).outcome is MessageOutcome.LIMITED
    world.clock.wait(days=1, seconds=1)
    assert (await send(world, key="more")).outcome is MessageOutcome.SENT


async def test_preferences_are_the_users_own_and_audited(world: World) -> None:
    await world.hold(0, 0)
    actions = world.ledger.actions
    assert await actions.preferences(ANA) == Preferences("pt_BR", mails=True, chat_notices=True)
    change = PreferenceChange(ANA, "user:ana", locale="en", mails=False)
    assert await actions.set_preferences(change) == Preferences("en", mails=False, chat_notices=True)
    await actions.set_preferences(change)
    (record,) = await world.ledger.trail.records(AuditFilter(action="account.preferences"))
    assert (record.actor, record.before, record.after) == (
        "user:ana",
        {"locale": "pt_BR", "mails": True},
        {"locale": "en", "mails": False},
    )
    assert (await world.account()).balance.locale == "en"
    assert await world.ledger.deliveries.gets_mails(ANA) is False


async def test_who_wants_no_notices_has_none_unread(world: World) -> None:
    await world.plan(100)
    await world.hold(0, 0)
    await world.ledger.actions.set_preferences(PreferenceChange(ANA, ANA, chat_notices=False))
    assert (await world.use(85)).unread_notices == 0
    assert (await world.account()).notices is False
    await world.plan(101)  # what a plan says does not undo what the user said
    assert (await world.account()).notices is False
    await world.ledger.actions.set_preferences(PreferenceChange(ANA, ANA, chat_notices=True))
    assert (await world.account()).notices is True
    assert (await world.use(1)).unread_notices == 1


async def test_nothing_can_be_done_to_an_account_that_is_not_there(world: World) -> None:
    actions = world.ledger.actions
    for doing in (
        reset(world),
        send(world),
        actions.preferences(ANA),
        actions.set_preferences(PreferenceChange(ANA, ANA)),
    ):
        with pytest.raises(NotFoundError):
            await doing


async def test_a_reset_is_in_lists_of_accounts_at_once(world: World) -> None:
    await world.plan(100)
    await world.hold(0, 0)
    await world.use(100)
    exhausted = AccountFilter(state=State.EXHAUSTED)
    world.clock.wait(seconds=1)
    if isinstance(world.ledger, PostgresLedger):
        await roll_up(world.ledger, now=world.clock())
    assert len((await world.ledger.account_list.page(exhausted)).accounts) == 1
    await reset(world)
    assert (await world.ledger.account_list.page(exhausted)).accounts in ([], ())
    normal = await world.ledger.account_list.page(AccountFilter(state=State.NORMAL))
    assert [each.balance.account_id for each in normal.accounts] == [ANA]
