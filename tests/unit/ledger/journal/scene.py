"""A process with its journal, on books that can be away."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from solaris_hooks.ledger.journal.journal import Journal
from solaris_hooks.ledger.journal.ledger import JournalledLedger
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.records import (
    ExtendResult,
    Extension,
    HoldRequest,
    HoldResult,
    NewAccount,
    Settlement,
    SettleResult,
)
from solaris_hooks.quota.errors import LedgerError, LedgerUnavailableError
from solaris_hooks.quota.ids import AccountId, HoldId, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource

ANA = AccountId("user:ana")
BOOKS = UUID(int=7)


class MortalLedger(MemoryLedger):
    """Books that can be away, busy, or lose their answers."""

    def __init__(self) -> None:
        super().__init__()
        self.error: LedgerError | None = None
        self.answer_is_lost = False
        self.asked = 0

    async def _meet(self) -> None:
        self.asked += 1
        if self.error is not None:
            raise self.error

    async def hold(self, request: HoldRequest) -> HoldResult:
        await self._meet()
        result = await super().hold(request)
        if self.answer_is_lost:
            raise LedgerUnavailableError
        return result

    async def extend(self, extension: Extension) -> ExtendResult:
        await self._meet()
        return await super().extend(extension)

    async def settle(self, settlement: Settlement) -> SettleResult:
        await self._meet()
        result = await super().settle(settlement)
        if self.answer_is_lost:
            raise LedgerUnavailableError
        return result

    async def release(self, account_id: AccountId, hold_id: HoldId) -> bool:
        await self._meet()
        return await super().release(account_id, hold_id)

    async def ping(self) -> None:
        if self.error is not None:
            raise self.error


class Scene:
    """A process with its journal, on books that can be away."""

    def __init__(self, folder: Path, *, fail_open: bool = True, new: NewAccount | None = None) -> None:
        self.books = MortalLedger()
        self.folder = folder
        self.fail_open = fail_open
        self.new = new or NewAccount()
        self.disk_is_full = False
        self.ledger = self.process()

    def process(self) -> JournalledLedger:
        """A process that starts now."""
        self.journal = Journal(self.folder, BOOKS, write=self._write)
        return JournalledLedger(
            self.books, self.journal, fail_open=self.fail_open, new_account=self.new, sweep_policy="prompt"
        )

    def _write(self, descriptor: int, data: bytes) -> int:
        if self.disk_is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return _really_write(descriptor, data)

    def away(self) -> None:
        self.books.error = LedgerUnavailableError()

    async def back(self) -> None:
        """The books are back, and the process has noticed."""
        self.books.error = None
        await until(lambda: not self.ledger.recovering(0))
        await self.ledger.catch_up()

    async def hold(
        self, want: int = 100, *, account_id: AccountId = ANA, hold_id: HoldId | None = None, minimum: int | None = None
    ) -> tuple[HoldId, HoldResult]:
        hold_id = hold_id or new_hold_id()
        least = want if minimum is None else minimum
        request = HoldRequest(account_id, hold_id, "m", want, least, 40, 60, new_account=self.new)
        return hold_id, await self.ledger.hold(request)

    async def settle(self, hold_id: HoldId, charge: int = 30, account_id: AccountId = ANA) -> SettleResult:
        return await self.ledger.settle(settlement(hold_id, charge, account_id))

    async def figures(self, account_id: AccountId = ANA) -> tuple[int, int] | None:
        account = await self.books.account(account_id)
        return None if account is None else (account.balance.used, account.balance.held)


def settlement(hold_id: HoldId, charge: int, account_id: AccountId = ANA) -> Settlement:
    return Settlement(account_id, hold_id, "m", charge, Usage(charge, 0), UsageSource.PROVIDER, {"asked": "m"})


def _really_write(descriptor: int, data: bytes) -> int:
    import os  # noqa: PLC0415 - the real one, whatever a test makes of the module's

    return os.write(descriptor, data)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - nothing tells when a task of the ledger's own is done
            await asyncio.sleep(0.002)
