"""Writes refusals down, without any of them waiting for it.

A refusal is taken into a queue of this process, and its client is told the id. A task of the background looks at once
which requests hold the account's tokens, and writes what waits within a second. While PostgreSQL is away, it waits on.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING
from uuid import UUID

from uuid_utils.compat import uuid7

from solaris_hooks.ledger.refusal_queue import RefusalQueue
from solaris_hooks.ledger.refusal_records import Figures, Refusal, RefusalReason
from solaris_hooks.quota.errors import LedgerUnavailableError, SolarisError

if TYPE_CHECKING:
    from solaris_hooks.hooks.attempt import Attempt
    from solaris_hooks.ledger.refusal_book import RefusalStore
    from solaris_hooks.quota.balance import Balance

_LOG = logging.getLogger(__name__)

WRITE_AFTER_SECONDS = 0.5
"""From the first refusal that waits to the write: what comes meanwhile is written with it."""

RETRY_SECONDS = 5.0
"""Between attempts while the books cannot be reached."""

LAST_WRITE_SECONDS = 1.0
"""How long the end of the process may wait for what is not written yet."""

BATCH = 200
"""Rows of one statement: some milliseconds of work."""

PURGE_BATCH = 1_000
PURGE_ROUNDS = 100
"""Batches that one purge takes at the most; the next one goes on."""

_MOST_CHARACTERS = 300
_TEXT_CHARACTERS = 600


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class RefusalLog:
    """Takes refusals in, and sees to it that they are written."""

    def __init__(
        self,
        store: RefusalStore,
        *,
        keep: dt.timedelta,
        locale: str,
        queue: RefusalQueue | None = None,
        now: Callable[[], dt.datetime] = _utc_now,
    ) -> None:
        """Keep the collaborators; start nothing.

        Args:
            store: where refusals are written down.
            keep: for how long.
            locale: language of refusals where no account says another.
            queue: where they wait.
            now: a clock for tests.
        """
        self._store = store
        self._keep = keep
        self._locale = locale
        self._queue = queue if queue is not None else RefusalQueue()
        self._now = now
        self._host = socket.gethostname()
        self._task: asyncio.Task[None] | None = None
        self._noted: asyncio.Event | None = None
        self._told_lost = 0

    def note(
        self,
        attempt: Attempt,
        reason: RefusalReason,
        *,
        status: int,
        message: str,
        balance: Balance | None = None,
        param: str | None = None,
    ) -> UUID | None:
        """Take a refusal in. Returns the id to tell the client; None if that failed, for nothing may break a refusal.

        Args:
            attempt: what is known of the request.
            reason: why it was refused.
            status: HTTP status of the answer.
            message: what the client is told.
            balance: as the books told it with the refusal.
            param: the parameter at fault.
        """
        try:
            refusal = self._refusal(attempt, reason, status, message, balance, param)
            refusal_id = self._queue.add(refusal)
            self.keep_running_soon()
        except Exception:  # noqa: BLE001 - nothing may break a refusal
            _LOG.exception("a refusal could not be noted")
            return None
        if refusal_id == refusal.refusal_id:
            _LOG.info(
                "refusal %s: %s (%d) of %s, model %s",
                refusal_id,
                reason.value,
                status,
                attempt.account_id,
                refusal.model,
            )
        return refusal_id

    async def keep_running(self) -> None:
        """See to it that what waits is written; for the upkeep, which calls this again and again."""
        self.keep_running_soon()

    def keep_running_soon(self) -> None:
        """Start the background task, unless it runs, and wake it."""
        if self._noted is None or self._task is None or self._task.done():
            self._noted = asyncio.Event()
            self._task = asyncio.get_running_loop().create_task(self._run(self._noted))
        if len(self._queue):
            self._noted.set()

    async def write(self) -> bool:
        """Write what waits. False where the books cannot be reached: it waits on."""
        self._tell_lost()
        while batch := self._queue.take(BATCH):
            try:
                await self._store.write(batch)
            except LedgerUnavailableError as exc:
                self._queue.give_back(batch)
                _LOG.warning("%d refusals wait for the books: %s", len(self._queue), exc.message)
                return False
            except asyncio.CancelledError:
                self._queue.give_back(batch)
                raise
            except SolarisError as exc:
                self._queue.lost += len(batch)
                _LOG.error("%d refusals could not be written down: %s", len(batch), exc.message)
            except Exception:  # noqa: BLE001 - what cannot be written must not keep the rest from it
                self._queue.lost += len(batch)
                _LOG.exception("%d refusals could not be written down", len(batch))
        return True

    async def purge(self) -> int:
        """Forget old refusals, batch by batch. Returns how many went."""
        gone = 0
        for _ in range(PURGE_ROUNDS):
            some = await self._store.purge(older_than=self._keep, limit=PURGE_BATCH)
            gone += some
            if some < PURGE_BATCH:
                break
        return gone

    # ------------------------------------------------------------------ within

    async def _run(self, noted: asyncio.Event) -> None:
        try:
            await self._write_on(noted)
        except asyncio.CancelledError:
            # The process ends: what waits is written if that is quick.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_WRITE_SECONDS):
                    await self.write()
            raise
        except Exception:  # noqa: BLE001 - told here, or nobody would learn of it
            _LOG.exception("refusals are no longer written; the next one, or the upkeep, starts that again")

    async def _write_on(self, noted: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        due: float | None = None
        while True:
            # Not wait_for, which up to Python 3.11 forgets to be cancelled where the event comes at the same time.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await noted.wait()
            noted.clear()
            await self._look()
            if due is None and len(self._queue):
                due = loop.time() + WRITE_AFTER_SECONDS
            if due is not None and loop.time() >= due:
                done = await self.write()
                due = (loop.time() + (WRITE_AFTER_SECONDS if done else RETRY_SECONDS)) if len(self._queue) else None

    async def _look(self) -> None:
        """Find out which requests hold the tokens of accounts that were refused just now."""
        accounts = self._queue.unlooked()
        if not accounts:
            return
        try:
            holders = await self._store.holders(accounts)
        except SolarisError as exc:
            _LOG.info("nobody can tell now who held tokens when requests were refused: %s", exc.message)
            holders = {}
        self._queue.looked(accounts, holders)

    def _tell_lost(self) -> None:
        lost = self._queue.lost
        if lost > self._told_lost:
            _LOG.error("%d refusals were not written down: too many waited", lost - self._told_lost)
            self._told_lost = lost

    def _refusal(
        self,
        attempt: Attempt,
        reason: RefusalReason,
        status: int,
        message: str,
        balance: Balance | None,
        param: str | None,
    ) -> Refusal:
        now = self._now()
        return Refusal(
            refusal_id=uuid7(int(now.timestamp()), now.microsecond * 1000),
            account_id=attempt.account_id,
            at=now,
            last_at=now,
            reason=reason,
            status=status,
            message=_storable(message, _TEXT_CHARACTERS) or "",
            call_type=_storable(attempt.call_type) or "",
            locale=balance.locale if balance is not None else attempt.locale or self._locale,
            process=f"{self._host}:{os.getpid()}",
            path=_storable(attempt.path),
            model=_storable(attempt.model) or None,
            key_prefix=attempt.key_prefix,
            param=_storable(param),
            waited_ms=round(attempt.waited_seconds * 1000),
            figures=Figures.of(balance) if balance is not None else None,
            asked=attempt.sized.asked() if attempt.sized is not None else None,
            member_id=attempt.member_id,
        )


def _storable(text: str | None, most: int = _MOST_CHARACTERS) -> str | None:
    """Text of a client that PostgreSQL takes and terminals can show."""
    if text is None:
        return None
    return "".join(each if each.isprintable() else "?" for each in text[:most])
