"""Runs a verification in a process of its own: it takes as long as the books are long, and requests must not wait.

``python -m solaris_hooks.ledger.verifying <id>`` is that process; the database is in ``SOLARIS_DATABASE_URL``, since
other users of the machine can read arguments.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from uuid import UUID

from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.verifications import VerificationRun, Verifications
from solaris_hooks.quota.errors import ConflictError, SolarisError
from solaris_hooks.quota.ids import AccountId

_LOG = logging.getLogger(__name__)

TELL_SECONDS = 2.0
"""How often a verification tells how far it is."""

NICENESS = 10
"""Requests go first."""

MOST_AT_ONCE = 4
"""Verifications that one proxy lets run at the same time: each is a process with connections of its own."""

_URL = "SOLARIS_DATABASE_URL"


class Verifier:
    """Starts verifications."""

    def __init__(self, conninfo: str, verifications: Verifications) -> None:
        """Keep where the books are; start nothing yet."""
        self._conninfo = conninfo
        self._verifications = verifications
        self._watching: dict[UUID, asyncio.Task[None]] = {}

    async def start(self, account_id: AccountId | None, *, actor: str) -> UUID:
        """Start one, of an account or of all.

        Raises:
            ConflictError: all accounts are being verified already, or several verifications run.
        """
        if len(self._watching) >= MOST_AT_ONCE:
            raise ConflictError(f"{MOST_AT_ONCE} verifications run already; try again when one has ended.")
        verification_id = await self._verifications.begin(account_id, actor=actor)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                __name__,
                str(verification_id),
                stdin=asyncio.subprocess.DEVNULL,
                env={**os.environ, _URL: self._conninfo},
                start_new_session=True,  # it goes on where the proxy is restarted meanwhile
            )
        except OSError as exc:
            await self._verifications.fail(verification_id, f"No process could be started: {exc}")
        else:
            task = asyncio.create_task(self._watch(process, verification_id))
            self._watching[verification_id] = task
            task.add_done_callback(lambda _: self._watching.pop(verification_id, None))
        return verification_id

    async def ended(self, verification_id: UUID, *, within_seconds: float) -> VerificationRun | None:
        """One that was started here, once it has ended, or as far as it is after some time; None for unknown ones."""
        task = self._watching.get(verification_id)
        if task is not None:
            await asyncio.wait({task}, timeout=within_seconds)
        return await self._verifications.get(verification_id)

    async def _watch(self, process: asyncio.subprocess.Process, verification_id: UUID) -> None:
        """Say of a process that died without a word that it did."""
        code = await process.wait()
        try:
            await self._verifications.fail(verification_id, f"The process ended with code {code}; see the proxy's log.")
        except SolarisError as exc:
            _LOG.warning("verification %s has ended, which could not be written down: %s", verification_id, exc)


async def verify(conninfo: str, verification_id: UUID) -> None:
    """Do one, and write down what it finds. What goes wrong is written down, too, where the books can be written.

    Raises:
        LedgerError: the books cannot be reached.
    """
    async with PostgresLedger.connect(conninfo, pool_max_size=2) as ledger:
        run = await ledger.verifications.get(verification_id)
        if run is None:
            return
        counts = [0, 0]

        def progress(accounts: int, entries: int) -> None:
            """Keep how far it is."""
            counts[:] = accounts, entries

        async def tell() -> None:
            """Say how far it is, again and again."""
            while True:
                await asyncio.sleep(TELL_SECONDS)
                await ledger.verifications.seen(verification_id, accounts=counts[0], entries=counts[1])

        telling = asyncio.create_task(tell())
        try:
            result = await ledger.verify(run.account_id, progress=progress)
        except SolarisError as exc:
            await ledger.verifications.fail(verification_id, exc.message)
        else:
            await ledger.verifications.end(verification_id, result)
        finally:
            telling.cancel()


def main() -> None:
    """The process's own beginning."""
    os.nice(NICENESS)
    asyncio.run(verify(os.environ[_URL], UUID(sys.argv[1])))


if __name__ == "__main__":
    main()
