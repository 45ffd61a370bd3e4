"""The ledger that requests meet: the books while they can be reached, the journal while they cannot."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Callable, Sequence

from solaris_hooks.ledger.journal.catching_up import CatchingUp
from solaris_hooks.ledger.journal.circuit import Circuit
from solaris_hooks.ledger.journal.journal import Journal
from solaris_hooks.ledger.journal.last_known import LastKnown
from solaris_hooks.ledger.journal.lines import Passed, Unused, Used
from solaris_hooks.ledger.journal.replay import Counts, Replay
from solaris_hooks.ledger.port import Ledger
from solaris_hooks.ledger.records import (
    EndUser,
    ExtendResult,
    Extension,
    Hold,
    HoldOutcome,
    HoldRequest,
    HoldResult,
    NewAccount,
    Settlement,
    SettleOutcome,
    SettleResult,
)
from solaris_hooks.quota.errors import JournalError, LedgerBusyError, LedgerUnavailableError, SolarisError
from solaris_hooks.quota.ids import AccountId, HoldId

_LOG = logging.getLogger(__name__)


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class JournalledLedger:
    """Keeps the contract of :class:`~solaris_hooks.ledger.port.Metering` whether the books are away or not.

    A settlement or release that the books cannot take is written to the journal, in either mode, and booked
    when they are back. With ``fail_open`` requests pass meanwhile, by what this process last knew of their
    account; each is written to the journal before it passes, so that it is booked even if its process dies.
    """

    def __init__(
        self,
        books: Ledger,
        journal: Journal,
        *,
        fail_open: bool,
        new_account: NewAccount,
        sweep_policy: str,
        now: Callable[[], dt.datetime] = _utc_now,
    ) -> None:
        """Keep the collaborators; touch nothing yet.

        Args:
            books: the ledger itself.
            journal: of this process.
            fail_open: whether requests pass while the books are away.
            new_account: what an account gets that the books have not seen.
            sweep_policy: what is booked for a request that passed and died with its process.
            now: a clock for tests.
        """
        self._books = books
        self._journal = journal
        self._fail_open = fail_open
        self._known = LastKnown(new_account)
        self._new_account = new_account
        self._now = now
        self._replay = Replay(books, policy=sweep_policy)
        self._circuit = Circuit(books.ping, self._returned)
        self._replaying: asyncio.Task[None] | None = None
        self._catching_up = CatchingUp(journal, self._replay)

    @property
    def circuit(self) -> Circuit:
        """Whether the books are believed to be away, and for how long."""
        return self._circuit

    # ------------------------------------------------------------------ metering

    async def hold(self, request: HoldRequest) -> HoldResult:
        """See :meth:`Metering.hold`."""
        asked = False
        if not self._circuit.open:
            try:
                result = await self._books.hold(request)
            except LedgerBusyError:
                # Whoever can take all connections must not be let through for it; but behind a server that
                # hangs, all connections are taken as well, and then somebody else has found out by now.
                if not self._circuit.open:
                    raise
            except LedgerUnavailableError as exc:
                self._circuit.broke(exc)
                asked = True
            else:
                self._learn(result)
                return result
        passed: HoldResult | None = None
        try:
            if self._fail_open:
                passed = await self._pass(request)
        finally:
            if asked and (passed is None or passed.outcome is not HoldOutcome.HELD):
                await self._give_back(request)
        if passed is None:
            raise LedgerUnavailableError
        return passed

    async def extend(self, extension: Extension) -> ExtendResult:
        """See :meth:`Metering.extend`."""
        passed = self._journal.running(extension.hold_id) is not None
        if not self._circuit.open:
            try:
                result = await self._books.extend(extension)
            except LedgerUnavailableError as exc:
                self._away(exc)
                if not self._circuit.open:
                    raise
            else:
                # The books may not know the account yet of a request that passed without them.
                if result.amount or not passed:
                    return result
        if not self._fail_open:
            raise LedgerUnavailableError
        return self._known.extend(extension)

    async def settle(self, settlement: Settlement) -> SettleResult:
        """See :meth:`Metering.settle`. Returns when the books or the journal have it, safe on the disk.

        Raises:
            JournalError: neither could take it; try again.
        """
        if not self._circuit.open:
            try:
                result = await self._replay.settle(settlement)
            except LedgerUnavailableError as exc:
                self._away(exc)
            else:
                self._journal.ended(settlement.hold_id)
                self._learn(result)
                return result
        await self._journal.add(Used(settlement, self._now()))
        balance, overage, percent = self._known.used(settlement)
        self._replay_soon()
        return SettleResult(SettleOutcome.SETTLED, settlement.charge, overage, percent, balance)

    async def release(self, account_id: AccountId, hold_id: HoldId) -> bool:
        """See :meth:`Metering.release`. Returns when the books or the journal have it.

        Raises:
            JournalError: neither could take it; try again.
        """
        # One that passed by the journal must end there: else it would be booked as lost if this process died.
        if not self._circuit.open and self._journal.running(hold_id) is None:
            try:
                return await self._books.release(account_id, hold_id)
            except LedgerUnavailableError as exc:
                self._away(exc)
        await self._journal.add(Unused(account_id, hold_id, self._now()))
        self._known.unused(account_id, hold_id)
        self._replay_soon()
        return True

    async def renew_leases(self, holds: Sequence[tuple[AccountId, HoldId]], *, lease_seconds: int) -> int:
        """See :meth:`Metering.renew_leases`."""
        if self._circuit.open:
            raise LedgerUnavailableError
        try:
            return await self._books.renew_leases(holds, lease_seconds=lease_seconds)
        except LedgerUnavailableError as exc:
            self._away(exc)
            raise

    async def account_of_end_user(self, end_user: EndUser, *, create: bool) -> AccountId:
        """See :meth:`EndUsers.account_of_end_user`."""
        if self._circuit.open:
            raise LedgerUnavailableError
        try:
            return await self._books.account_of_end_user(end_user, create=create)
        except LedgerUnavailableError as exc:
            self._away(exc)
            raise

    async def knows_team(self, team: AccountId) -> bool:
        """See :meth:`Teams.knows_team`."""
        if self._circuit.open:
            raise LedgerUnavailableError
        try:
            return await self._books.knows_team(team)
        except LedgerUnavailableError as exc:
            self._away(exc)
            raise

    async def note_team(self, team_id: str, alias: str) -> None:
        """See :meth:`Teams.note_team`."""
        if self._circuit.open:
            raise LedgerUnavailableError
        await self._books.note_team(team_id, alias)

    async def merged_into(self, account_id: AccountId) -> AccountId | None:
        """See :meth:`EndUsers.merged_into`."""
        return await self._books.merged_into(account_id)

    async def claim_expired(self, *, limit: int, claim_seconds: int) -> Sequence[Hold]:
        """See :meth:`Metering.claim_expired`."""
        return await self._books.claim_expired(limit=limit, claim_seconds=claim_seconds)

    # ------------------------------------------------------------------ upkeep

    @property
    def counts(self) -> Counts:
        """What was done with journals since this process began."""
        return self._catching_up.counts

    def recovering(self, seconds: float) -> bool:
        """Whether the books are away, or came back within so many seconds, or lack what is in a journal.

        Holds must not be swept then: those who know their exact figures are about to book them.
        """
        return self._catching_up.behind or self._circuit.open or self._circuit.closed_for < seconds

    async def tend(self) -> None:
        """Now and then: learn what newcomers get, book what the books lack, adopt what others left.

        Raises:
            SolarisError: the books cannot be reached.
        """
        if self._circuit.open:
            return
        if self._fail_open:
            plan = await self._books.plan(self._new_account.plan_id)
            self._known.plan_tokens = plan.monthly_tokens if plan is not None else 0
        self._replay_soon()

    async def give_up(self, hold_id: HoldId) -> None:
        """The end of a request will never be known: if it passed by the journal, book it by policy.

        Raises:
            JournalError: neither the books nor the journal could take it; try again.
        """
        passed = self._journal.running(hold_id)
        if passed is None:
            return
        settlement = self._replay.by_policy(passed)
        if settlement is None:
            await self.release(passed.account_id, passed.hold_id)
        else:
            await self.settle(settlement)

    async def catch_up(self) -> None:
        """Book what the journal of this process holds, and what processes that are gone have left.

        Raises:
            LedgerUnavailableError: the books cannot be reached; go on later.
        """
        await self._catching_up.run()

    def close(self) -> None:
        """End what runs in the background and let go of the journal; what is in it stays."""
        self._circuit.close()
        if self._replaying is not None:
            self._replaying.cancel()
        self._journal.close()

    # ------------------------------------------------------------------ within

    def _learn(self, result: HoldResult | SettleResult) -> None:
        if self._fail_open:
            self._known.learn(result.balance)

    def _away(self, error: LedgerUnavailableError) -> None:
        if not isinstance(error, LedgerBusyError):
            self._circuit.broke(error)

    async def _pass(self, request: HoldRequest) -> HoldResult:
        result = self._known.admit(request, self._now())
        if result.outcome is not HoldOutcome.HELD:
            return result
        passed = Passed(
            account_id=request.account_id,
            hold_id=request.hold_id,
            model=request.model,
            amount=result.amount,
            prompt=request.prompt,
            at=self._now(),
            member_id=request.member_id,
        )
        try:
            await self._journal.add(passed)
        except LedgerUnavailableError:
            self._known.unused(request.account_id, request.hold_id)
            raise
        return result

    async def _give_back(self, request: HoldRequest) -> None:
        """The request is refused, but the books may have held its tokens before they went: release them."""
        try:
            await self._journal.add(Unused(request.account_id, request.hold_id, self._now()))
        except LedgerUnavailableError as exc:
            _LOG.warning("hold %s, if there is one, is left to its lease: %s", request.hold_id, exc.message)

    def _returned(self) -> None:
        """The books are back. Journals that others left come first as well: their figures are exact."""
        self._catching_up.look_soon()
        self._replay_soon()

    def _replay_soon(self) -> None:
        """Start to book what the books lack, unless that runs, or there is nothing to book to."""
        if not self._circuit.open and (self._replaying is None or self._replaying.done()):
            self._replaying = asyncio.get_running_loop().create_task(self._replay_now())

    async def _replay_now(self) -> None:
        try:
            await self.catch_up()
        except JournalError as exc:
            _LOG.error("%s", exc.message)
        except LedgerUnavailableError as exc:
            self._away(exc)
        except SolarisError as exc:
            _LOG.error("the journal could not be booked: %s", exc.message)
        except Exception:  # noqa: BLE001 - told here, or nobody would learn of it
            _LOG.exception("the journal could not be booked")
