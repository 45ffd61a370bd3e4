"""What figures of health mean: good, to be looked at, or bad. Pure: the page says what to do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from solaris_hooks.ledger.vital_signs import (
    CLOCK_SECONDS,
    OLDEST_POSTGRES,
    SILENT,
    WAITS,
    LastDeliveries,
    VitalSigns,
)

SLOW_MILLISECONDS, VERY_SLOW_MILLISECONDS = 20.0, 200.0
"""Each request waits for the books about twice: design.md promises about a millisecond."""

CROWDED_PERCENT, FULL_PERCENT = 80, 95
"""Of the connections that the server takes."""


class Level(StrEnum):
    """How something is."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    OFF = "off"
    """It is not set up."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is to judge.

    Attributes:
        milliseconds: of one round trip to the database.
        clock_seconds: the database's clock less this machine's.
        pending: migrations that are missing.
        mail: whether a mail server is set.
        webhooks: names of those that the settings have.
        last: when messages last went, and did not.
        journal_writable: whether this process could write its journal.
        fail_open: whether requests pass by the journal while the database is away.
        journals: files of this machine that are not booked yet.
        journals_aside: files that could not be booked whole.
        checkpoint_every: how often one is to be taken; zero for never.
    """

    signs: VitalSigns
    milliseconds: float
    clock_seconds: float
    pending: Sequence[str]
    mail: bool
    webhooks: Sequence[str]
    last: Sequence[LastDeliveries]
    journal_writable: bool
    fail_open: bool
    journals: int
    journals_aside: int
    checkpoint_every: dt.timedelta

    @property
    def mails(self) -> LastDeliveries:
        """When mails last went."""
        nothing = LastDeliveries("mail", "", None, None, None)
        return next((each for each in self.last if each.channel == "mail"), nothing)

    @property
    def hooks(self) -> Sequence[LastDeliveries]:
        """When each webhook of the settings was last told something."""
        known = {each.target: each for each in self.last if each.channel == "webhook"}
        return [known.get(name, LastDeliveries("webhook", name, None, None, None)) for name in self.webhooks]


def levels(facts: Facts) -> Mapping[str, Level]:
    """How each thing is, by its name on the page."""
    signs = facts.signs
    return {
        "database": _over(facts.milliseconds, SLOW_MILLISECONDS, VERY_SLOW_MILLISECONDS),
        "version": _bad_if(signs.major_version < OLDEST_POSTGRES),
        "connections": _over(100 * signs.connections / max(signs.most_connections, 1), CROWDED_PERCENT, FULL_PERCENT),
        "clock": _warn_if(abs(facts.clock_seconds) > CLOCK_SECONDS),
        "schema": _bad_if(bool(facts.pending)),
        "partitions": _warn_if(signs.months_ahead < 1),
        "holds": _warn_if(signs.expired_holds > 0),
        "events": _warn_if(signs.events_since is not None and signs.at - signs.events_since > WAITS),
        "worker": _worker(signs),
        "jobs": _warn_if(signs.jobs_failed > 0),
        "deliveries": _warn_if(signs.deliveries_dead > 0 or signs.deliveries_late > 0),
        "mail": _last(facts.mails) if facts.mail else Level.OFF,
        "journal": journal_level(
            aside=facts.journals_aside,
            waiting=facts.journals,
            writable=facts.journal_writable,
            fail_open=facts.fail_open,
        ),
        "checkpoints": _checkpoints(facts),
    }


def webhook_levels(facts: Facts) -> Sequence[tuple[LastDeliveries, Level]]:
    """How each webhook of the settings is."""
    return [(each, _last(each)) for each in facts.hooks]


def worst(found: Sequence[Level]) -> Level:
    """The worst of several; what is not set up does not count."""
    return next((level for level in (Level.BAD, Level.WARN) if level in found), Level.GOOD)


def _over(value: float, warn: float, bad: float) -> Level:
    return Level.BAD if value > bad else _warn_if(value > warn)


def _warn_if(is_so: bool) -> Level:  # noqa: FBT001 - a word for a mark
    return Level.WARN if is_so else Level.GOOD


def _bad_if(is_so: bool) -> Level:  # noqa: FBT001 - the same
    return Level.BAD if is_so else Level.GOOD


def _worker(signs: VitalSigns) -> Level:
    """Without any worker nobody is told of anything; one that is silent has died."""
    if signs.worker_seen is None:
        return _warn_if(signs.deliveries_late > 0 or signs.events_waiting > 0)
    return _warn_if(signs.at - signs.worker_seen > SILENT)


def _last(deliveries: LastDeliveries) -> Level:
    """Whether the last attempt went well."""
    if deliveries.failed_at is None:
        return Level.GOOD
    return _warn_if(deliveries.sent_at is None or deliveries.failed_at > deliveries.sent_at)


def journal_level(*, aside: int, waiting: int, writable: bool, fail_open: bool) -> Level:
    """How the journal is.

    Args:
        aside: files that could not be booked whole.
        waiting: files that are not booked yet.
        writable: whether this process could write its own.
        fail_open: whether requests pass by it while the database is away.
    """
    if aside or (fail_open and not writable):
        return Level.BAD
    return _warn_if(waiting > 0 or not writable)


def _checkpoints(facts: Facts) -> Level:
    """One is late when two should have been taken since the newest."""
    if not facts.checkpoint_every:
        return Level.OFF
    newest = facts.signs.checkpoint_at
    return _warn_if(newest is None or facts.signs.at - newest > 2 * facts.checkpoint_every)
