"""Two ledgers driven by the same operations at the same times, and what makes them the same."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar
from uuid import UUID

from solaris_hooks.ledger.port import Ledger
from solaris_hooks.ledger.records import Account, DailyUsage, Entry, GrantResult, Hold
from solaris_hooks.quota.errors import SolarisError
from solaris_hooks.quota.ids import AccountId, MemberId

T = TypeVar("T")
_LOT = UUID(int=0)
_ALWAYS = (dt.date(2000, 1, 1), dt.date(2100, 1, 1))


def comparable(value: object) -> object:
    """A result without what each ledger chooses for itself: the ids of credit lots."""
    if isinstance(value, Account):
        return replace(value, lots=[replace(lot, lot_id=_LOT) for lot in value.lots])
    if isinstance(value, GrantResult):
        return comparable(value.account), value.replayed
    if isinstance(value, SolarisError):
        return type(value)
    return list(value) if isinstance(value, list | tuple) else value


def line(entry: Entry) -> tuple[object, ...]:
    """Everything that an entry says, lots' ids and the digests aside."""
    key = "expiry" if entry.idempotency_key.startswith("expiry:") else entry.idempotency_key
    details = json.loads(entry.details)
    if "lot_id" in details:
        details["lot_id"] = "a lot"
    if details.get("expires_at"):
        details["expires_at"] = dt.datetime.fromisoformat(details["expires_at"])
    details["from_credits"] = [taking["tokens"] for taking in details.get("from_credits", [])]
    return (
        entry.number,
        entry.kind,
        entry.tokens,
        entry.allowance_after,
        entry.credits_after,
        entry.overage_after,
        entry.at,
        entry.actor,
        entry.reason,
        key,
        details,
    )


async def _used_by(
    team: AccountId, member_id: MemberId, since: dt.date, until: dt.date, ledger: Ledger
) -> Sequence[DailyUsage]:
    return await ledger.members.daily_usage(team, member_id, since=since, until=until)


class Lockstep:
    """Runs each operation on both ledgers and demands the same of both."""

    def __init__(self, runner: asyncio.Runner, model: Ledger, real: Ledger) -> None:
        self._runner = runner
        self._model = model
        self._real = real

    def both(self, operation: Callable[[Ledger], Awaitable[T]]) -> T | None:
        """The result of an operation on both, or None where both refused it for the same reason."""
        expected, found = (self._outcome(operation, ledger) for ledger in (self._model, self._real))
        assert comparable(found) == comparable(expected), f"expected {expected!r}, found {found!r}"
        return None if isinstance(expected, SolarisError) else expected

    def history(self, account_id: AccountId, *, limit: int) -> None:
        """Demand the same newest entries of an account."""
        expected, found = (
            [line(entry) for entry in self._do(ledger.entries(account_id, limit=limit))]
            for ledger in (self._model, self._real)
        )
        assert found == expected, f"expected {expected!r}, found {found!r}"

    def everything(self, account_id: AccountId) -> None:
        """Demand the same of all that can be read about an account, and that it adds up."""
        self.history(account_id, limit=10_000)
        account = self.both(lambda ledger: ledger.account(account_id))
        self.history(account_id, limit=10_000)
        holds = self.both(lambda ledger: ledger.holds(account_id)) or []
        self.both(lambda ledger: ledger.daily_usage(account_id, since=_ALWAYS[0], until=_ALWAYS[1]))
        self._members(account_id, holds)
        assert sum(hold.amount for hold in holds) == (account.balance.held if account else 0)
        if account:
            assert sum(lot.remaining for lot in account.lots) == account.balance.credits_remaining
            assert account.balance.overage == 0 or account.balance.remaining == 0

    def _members(self, team: AccountId, holds: Sequence[Hold]) -> None:
        """Demand the same of the members of a team, and that they hold what their holds do."""
        page = self.both(lambda ledger: ledger.members.page(team, limit=100))
        since, until = _ALWAYS
        for share in [member.share for member in page.members] if page else ():
            self.both(partial(_used_by, team, share.member_id, since, until))
            assert share.held == sum(hold.amount for hold in holds if hold.member_id == share.member_id)

    def verified(self) -> None:
        """Demand that both verify, and count the same."""
        found = self.both(lambda ledger: ledger.verify())
        assert found is not None
        assert found.flaws == ()

    def _outcome(self, operation: Callable[[Ledger], Awaitable[T]], ledger: Ledger) -> T | SolarisError:
        try:
            return self._do(operation(ledger))
        except SolarisError as error:
            return error

    def _do(self, awaitable: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await awaitable

        return self._runner.run(awaited())
