"""Accounts that are used up by people who chat, one after the other or all at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.fairness.rules import RefusedError, Rule
from tests.fairness.traffic import Chat, chats, next_chat
from tests.fairness.truth import Tally, Truth

PATIENCE = 5
"""Whoever was refused wrongly so many times goes home."""


async def use_up(rule: Rule, *, granted: int, people: int, seed: str, tally: Tally) -> None:
    """Let people chat on one account until there is not enough for what each of them wants.

    Args:
        rule: decides who may.
        granted: tokens of the account.
        people: who chat at the same time.
        seed: of what they ask.
        tally: where it is counted.
    """
    truth = Truth(granted)
    async with asyncio.TaskGroup() as group:
        for number in range(people):
            group.create_task(_person(rule, truth, f"{seed}/{number}", tally))
    tally.overshoot += max(0, truth.used - granted)


async def _person(rule: Rule, truth: Truth, seed: str, tally: Tally) -> None:
    source = chats(seed)
    await asyncio.sleep(source.random() * 5)
    wrongs = 0
    while wrongs < PATIENCE:
        chat = next_chat(source)
        tally.requests += 1
        wrong_before = tally.wrong
        if not await _ask(rule, truth, chat, tally):
            return
        wrongs += tally.wrong > wrong_before
        await asyncio.sleep(chat.pause)


async def _ask(rule: Rule, truth: Truth, chat: Chat, tally: Tally) -> bool:
    """Whether there was enough for the request, whatever became of it."""
    sufficed = truth.suffices(chat)
    truth.running.append(chat)
    try:
        served = await rule.serve(chat)
    except RefusedError:
        # What counts is the moment of the refusal: it may have waited for its turn.
        sufficed = truth.suffices(chat)
        truth.running.remove(chat)
        tally.refused_wrongly += sufficed
        tally.refused_rightly += not sufficed
        return sufficed
    still = truth.suffices(chat)
    truth.running.remove(chat)
    truth.used += served.used
    if served.whole:
        tally.served += 1
        return True
    tally.cut_wrongly += still and sufficed
    tally.cut_rightly += not (still and sufficed)
    return still and sufficed


async def simulate(make: Callable[[int], Rule], *, granted: int, people: int, accounts: int, seed: int) -> Tally:
    """Use up many accounts, one after the other, and count."""
    tally = Tally()
    for number in range(accounts):
        await use_up(make(granted), granted=granted, people=people, seed=f"{seed}/{number}", tally=tally)
    return tally
