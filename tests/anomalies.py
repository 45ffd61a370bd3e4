"""``python -m tests.anomalies``: how often the rule for anomalies is wrong, and what it finds, on simulated users.

Every user is simulated for half a year, by one seed each. What they do is theirs, however odd: each
day that the rule calls unusual is a false alarm. Then, on one day of each user's, somebody else
uses the account too.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from solaris_hooks.quota.anomaly import AnomalyRule

DAYS = 182
USERS = 200
GRANTED = 1_000_000
TYPICAL = 20_000
"""Booked tokens of an active day."""

Kind = Callable[[random.Random], Iterator[int]]


def _spread(chance: random.Random, sigma: float) -> int:
    return int(TYPICAL * chance.lognormvariate(0, sigma))


def office(chance: random.Random) -> Iterator[int]:
    """On most working days, much the same."""
    for day in range(DAYS):
        yield _spread(chance, 0.5) if day % 7 < 5 and chance.random() < 0.9 else 0


def weekly(chance: random.Random) -> Iterator[int]:
    """One heavy day a week, little on the others."""
    heavy = chance.randrange(7)
    for day in range(DAYS):
        yield _spread(chance, 0.4) * (5 if day % 7 == heavy else 1)


def bursty(chance: random.Random) -> Iterator[int]:
    """Two days in five, of any size: a day in twenty is over seven times the middle one."""
    for _ in range(DAYS):
        yield _spread(chance, 1.2) if chance.random() < 0.4 else 0


def sprints(chance: random.Random) -> Iterator[int]:
    """Quiet weeks, and now and then a week of three times as much."""
    level = 1
    for day in range(DAYS):
        if day % 7 == 0:
            level = 3 if chance.random() < 0.15 else 1
        yield _spread(chance, 0.5) * level if day % 7 < 5 else 0


def growing(chance: random.Random) -> Iterator[int]:
    """Ten percent more each week."""
    for day in range(DAYS):
        yield int(_spread(chance, 0.5) * 0.3 * 1.1 ** (day / 7)) if day % 7 < 5 else 0


def newcomer(chance: random.Random) -> Iterator[int]:
    """Begins some day, tries it for two weeks, then works with it."""
    begins = chance.randrange(DAYS - 28)
    for day in range(DAYS):
        since = day - begins
        yield 0 if since < 0 or chance.random() < 0.3 else int(_spread(chance, 0.6) * min(1.0, 0.1 + since / 14))


def rare(chance: random.Random) -> Iterator[int]:
    """A day in twelve."""
    for _ in range(DAYS):
        yield _spread(chance, 1.0) if chance.random() < 1 / 12 else 0


KINDS: tuple[Kind, ...] = (office, weekly, bursty, sprints, growing, newcomer, rare)
INTRUSIONS = (100_000, 200_000, 400_000)
"""Tokens that somebody else uses on one day."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of all users of one kind.

    Attributes:
        active_days: days with use.
        alarms: false ones.
        troubled: users who had any.
        found: intrusions that were found, of each size.
    """

    active_days: int
    alarms: int
    troubled: int
    found: tuple[int, ...]


def simulate(kind: Kind, rule: AnomalyRule, *, users: int = USERS) -> Outcome:
    """Judge every day of some users."""
    active = alarms = troubled = 0
    found = [0] * len(INTRUSIONS)
    for number in range(users):
        chance = random.Random(f"{kind.__name__}:{number}")
        days = list(kind(chance))
        wrong = sum(_unusual(rule, days, day) for day in range(DAYS))
        active += sum(used > 0 for used in days)
        alarms += wrong
        troubled += wrong > 0
        night = chance.randrange(DAYS // 2, DAYS)
        for which, tokens in enumerate(INTRUSIONS):
            found[which] += _unusual(rule, days, night, more=tokens)
    return Outcome(active, alarms, troubled, tuple(found))


def _unusual(rule: AnomalyRule, days: list[int], day: int, *, more: int = 0) -> bool:
    before = days[max(0, day - rule.history_days) : day]
    return rule.judge(days[day] + more, before, granted=GRANTED) is not None


def table(rule: AnomalyRule, *, users: int = USERS) -> str:
    """The outcome of all kinds, in Markdown."""
    heads = ["Users", "Active days", "False alarms", "of active days", "Users with any"]
    heads += [f"Found: {tokens:,}" for tokens in INTRUSIONS]
    lines = [heads, ["---"] * len(heads)]
    for kind in KINDS:
        outcome = simulate(kind, rule, users=users)
        lines.append(
            [
                f"`{kind.__name__}`: {(kind.__doc__ or '').strip().rstrip('.')}",
                f"{outcome.active_days:,}",
                f"{outcome.alarms:,}",
                f"{100 * outcome.alarms / outcome.active_days:.2f} %",
                f"{100 * outcome.troubled / users:.0f} %",
                *(f"{100 * found / users:.0f} %" for found in outcome.found),
            ]
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    print(table(AnomalyRule()))  # noqa: T201 - what it is for
