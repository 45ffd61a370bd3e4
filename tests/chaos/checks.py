"""What must be true after every round, whatever happened in it."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path

import psycopg

from solaris_hooks.ledger.journal.adoption import journals
from solaris_hooks.ledger.journal.journal import Journal
from solaris_hooks.ledger.journal.ledger import JournalledLedger
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import NewAccount
from solaris_hooks.ledger.sweep import Sweeper
from solaris_hooks.quota.weights import WeightTable
from tests.chaos.worker import LEASE_SECONDS, NoLogs

_LOG = logging.getLogger(__name__)


@dataclass
class Tally:
    """What happened, and what became of it in the books.

    Attributes:
        kills: processes ended by SIGKILL: workers, servers, single connections of a server.
        other_faults: everything else that was done to them.
        requests: that the provider served.
        tokens: that it says it served.
        exact: requests booked with the provider's own figure.
        estimated: requests booked by estimate, since it reported nothing, or their process was killed.
        answered_estimated: of these, those whose answer had reached its end with a report: they should be exact.
        lost: requests that it served and that are not in the books.
        double: requests that are in the books twice, or with more than was served and no reason.
        overshoot: tokens that an account used beyond its grant and that are not booked as overage.
        overage: tokens booked as overage.
        refused: requests refused, since the books could not be reached.
    """

    kills: int = 0
    other_faults: int = 0
    requests: int = 0
    tokens: int = 0
    exact: int = 0
    estimated: int = 0
    answered_estimated: int = 0
    lost: int = 0
    double: int = 0
    overshoot: int = 0
    overage: int = 0
    refused: int = 0

    def add(self, other: Tally) -> None:
        """Add another's figures."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


async def settle_down(url: str, journal: Path, books: uuid.UUID) -> None:
    """What any process that runs does in time: adopt journals, end the holds of the dead, and verify the books."""
    async with PostgresLedger.connect(url) as ledger:
        heir = JournalledLedger(
            ledger, Journal(journal, books), fail_open=False, new_account=NewAccount(), sweep_policy="prompt"
        )
        await heir.catch_up()
        heir.close()
        assert journals(journal) == [], "a journal was left"
        assert journals(journal, kept=True) == [], "a journal was kept"
        sweeper = Sweeper(ledger=ledger, spend_logs=NoLogs(), weights=WeightTable({}), policy="prompt")
        async with asyncio.timeout(LEASE_SECONDS * 10):
            while await ledger.holds():
                await sweeper.sweep(limit=100)
                await asyncio.sleep(0.1)
        verified = await ledger.verify()
        assert verified.ok, verified.flaws[:3]


def compare(url: str, provider: Path) -> Tally:
    """Hold the books against the provider's: each request that it served is booked, once."""
    said = [line.split() for line in provider.read_text().splitlines()] if provider.exists() else []
    served = {each[1]: int(each[2]) for each in said if each[0] == "served"}
    unreported = {each[1] for each in said if each[0] == "unreported"}
    answered = {each[1] for each in said if each[0] == "answered"}
    tally = Tally(requests=len(served) + len(unreported), refused=sum(each[0] == "refused" for each in said))
    tally.tokens = sum(int(each[2]) for each in said if each[0] in {"served", "unreported"})
    with psycopg.connect(url) as connection:
        usage = connection.execute("SELECT hold_id::text, charge, source FROM solaris.usage WHERE status = 'settled'")
        booked = {hold: (int(charge), str(source)) for hold, charge, source in usage.fetchall()}
        entries = Counter(
            row[0]
            for row in connection.execute(
                "SELECT details ->> 'hold_id' FROM solaris.entries WHERE kind = 'usage'"
            ).fetchall()
        )
        accounts = connection.execute(
            "SELECT a.account_id, a.allowance_granted, a.allowance_used + a.credits_used + a.overage, a.overage, "
            "coalesce((SELECT sum(u.charge) FROM solaris.usage AS u "
            "WHERE u.account_id = a.account_id AND u.status = 'settled'), 0) FROM solaris.accounts AS a"
        ).fetchall()
    for hold, tokens in served.items():
        charge, source = booked.get(hold, (0, ""))
        if not source:
            tally.lost += 1
            _LOG.error("lost: %s, %d tokens", hold, tokens)
        elif source == "provider" and charge == tokens:
            tally.exact += 1
        elif source == "sweep":
            tally.estimated += 1
            tally.answered_estimated += hold in answered
        else:
            tally.double += 1
            _LOG.error("booked wrongly: %s served %d, booked %d by %s", hold, tokens, charge, source)
    for hold in unreported:
        tally.lost += hold not in booked
        tally.estimated += hold in booked
    for hold, (_, source) in booked.items():
        tally.double += entries[hold] != 1
        tally.double += source != "sweep" and hold not in served and hold not in unreported
    for _account, granted, used, overage, charged in accounts:
        tally.double += used != charged
        tally.overshoot += max(0, used - overage - granted)
        tally.overage += overage
    return tally
