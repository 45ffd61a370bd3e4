"""From records to the books, each once: settlements are idempotent by hold id, and need no hold."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass, replace

from solaris_hooks.ledger.journal.lines import Passed, Unused, Used
from solaris_hooks.ledger.port import Ledger
from solaris_hooks.ledger.records import AccountChange, Settlement, SettleOutcome, SettleResult
from solaris_hooks.quota.errors import LedgerUnavailableError, SolarisError
from solaris_hooks.quota.ids import AccountId, HoldId
from solaris_hooks.quota.usage import Usage, UsageSource

_LOG = logging.getLogger(__name__)

ACTOR = "journal"


@dataclass(slots=True)
class Counts:
    """What was done with records.

    Attributes:
        booked: uses that are in the books now and were not before.
        known: uses that were in the books already.
        conflicts: uses that were in the books with another charge, which stands: a sweeper had booked its
            estimate before the exact figures came.
        released: requests that used nothing.
        lost: requests whose process died before their end, booked by policy.
        refused: records that the books do not take.
        damaged: lines that cannot be read.
    """

    booked: int = 0
    known: int = 0
    conflicts: int = 0
    released: int = 0
    lost: int = 0
    refused: int = 0
    damaged: int = 0

    def __str__(self) -> str:
        """For a log line."""
        told = (
            (self.booked, "booked"),
            (self.known, "booked before"),
            (self.conflicts, "booked before with another charge"),
            (self.released, "released"),
            (self.lost, "lost with their process, booked by policy"),
            (self.refused, "refused by the books"),
            (self.damaged, "damaged"),
        )
        return ", ".join(f"{count} {word}" for count, word in told if count) or "nothing to do"

    @property
    def keep(self) -> bool:
        """Whether something could not be booked."""
        return bool(self.refused or self.damaged)


class Replay:
    """Books records, whoever wrote them."""

    def __init__(self, ledger: Ledger, *, policy: str) -> None:
        """Keep the books, and the sweeper's policy for requests whose end nobody knows."""
        self._ledger = ledger
        self._policy = policy

    async def settle(self, settlement: Settlement) -> SettleResult:
        """Settle; an account that passed before the books could make it is made first.

        Raises:
            SolarisError: the books cannot be reached, or refuse it.
        """
        result = await self._ledger.settle(settlement)
        if result.outcome is SettleOutcome.UNKNOWN:
            await self._ledger.put_account(settlement.account_id, AccountChange(), actor=ACTOR)
            result = await self._ledger.settle(settlement)
        return result

    async def book(self, record: Used | Unused, counts: Counts) -> bool:
        """Book one record. Returns False where the books refuse it for good.

        Raises:
            LedgerUnavailableError: the books cannot be reached; try again later.
        """
        if isinstance(record, Unused):
            return await self._release(record, counts)
        details = {**record.settlement.details, "used_at": _seconds(record.at)}
        return await self._booked(replace(record.settlement, details=details), counts)

    async def book_lost(self, passed: Passed, counts: Counts) -> bool:
        """Book a request that died with its process, as the sweeper books a hold that did.

        Raises:
            LedgerUnavailableError: the books cannot be reached; try again later.
        """
        counts.lost += 1
        settlement = self.by_policy(passed)
        if settlement is None:
            return await self._release(Unused(passed.account_id, passed.hold_id, passed.at), counts)
        return await self._booked(settlement, counts)

    def by_policy(self, passed: Passed) -> Settlement | None:
        """What is booked for a request whose end nobody knows; None for nothing."""
        if self._policy == "release":
            return None
        charge = passed.amount if self._policy == "hold" else min(passed.prompt, passed.amount)
        return Settlement(
            account_id=passed.account_id,
            hold_id=passed.hold_id,
            model=passed.model,
            charge=charge,
            usage=Usage(input_tokens=charge, output_tokens=0),
            source=UsageSource.SWEEP,
            details={"policy": self._policy, "used_at": _seconds(passed.at)},
            member_id=passed.member_id,
        )

    async def _booked(self, settlement: Settlement, counts: Counts) -> bool:
        try:
            result = await self.settle(settlement)
        except LedgerUnavailableError:
            raise
        except SolarisError as exc:
            return self._refused(settlement.hold_id, settlement.account_id, exc, counts)
        if result.outcome is SettleOutcome.SETTLED:
            counts.booked += 1
        elif result.outcome is SettleOutcome.REPLAYED:
            counts.known += 1
        else:
            counts.conflicts += 1
            _LOG.warning(
                "hold %s of %s was booked with %d before and the journal says %d: the first booking stands",
                settlement.hold_id,
                settlement.account_id,
                result.charge,
                settlement.charge,
            )
        return True

    async def _release(self, record: Unused, counts: Counts) -> bool:
        try:
            await self._ledger.release(record.account_id, record.hold_id)
        except LedgerUnavailableError:
            raise
        except SolarisError as exc:
            return self._refused(record.hold_id, record.account_id, exc, counts)
        counts.released += 1
        return True

    @staticmethod
    def _refused(hold_id: HoldId, account_id: AccountId, error: SolarisError, counts: Counts) -> bool:
        counts.refused += 1
        _LOG.error("the books refuse hold %s of %s from the journal: %s", hold_id, account_id, error.message)
        return False


def _seconds(instant: dt.datetime) -> str:
    return instant.isoformat(timespec="seconds")
