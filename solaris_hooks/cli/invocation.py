"""What every command shares: its options, and a ledger for as long as it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import IntEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from solaris_hooks.cli import runtime
from solaris_hooks.ledger.port import Ledger
from solaris_hooks.ledger.records import Account
from solaris_hooks.quota.errors import NotFoundError
from solaris_hooks.quota.ids import AccountId, account_id

T = TypeVar("T")


class ExitCode(IntEnum):
    """How a command ended."""

    OK = 0
    FINDING = 1
    """What was looked for was found: a flaw in the books, something for the doctor to report."""
    USAGE = 2
    """What was asked for cannot be; the message says what to write."""
    UNREACHABLE = 3
    """The books cannot be reached."""
    DEFECT = 70
    """A defect of ours (sysexits' EX_SOFTWARE)."""
    INTERRUPTED = 130
    """Ctrl-C (128 + SIGINT), as shells have it."""
    CLOSED_PIPE = 141
    """Nobody reads the output any more (128 + SIGPIPE): not 0, since a finding may have been cut off."""


Json = Annotated[bool, typer.Option("--json", help="JSON on stdout; errors as JSON on stderr.")]
AnAccount = Annotated[
    str,
    typer.Argument(
        metavar="ACCOUNT", help="user:<user_id>, key:<hash>, end_user:<id> or team:<team_id>.", show_default=False
    ),
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many at the most.")]


def with_ledger(context: typer.Context, work: Callable[[Ledger], Awaitable[T]]) -> T:
    """Do something with the books.

    Raises:
        SolarisError: it cannot be done.
    """
    config: Path | None = context.obj
    using = runtime.settings(config)

    async def working() -> T:
        """Open the ledger and do the work."""
        async with runtime.open_ledger(using) as ledger:
            return await work(ledger)

    return asyncio.run(working())


async def existing(ledger: Ledger, text: str) -> Account:
    """The account that an argument names.

    Raises:
        InvalidRequestError: it is no account id.
        NotFoundError: there is no such account.
    """
    account = await ledger.account(wanted := account_id(text))
    if account is None:
        raise NotFoundError(f'There is no account "{wanted}"; `solaris accounts list` shows all.', param="account_id")
    return account


async def existing_id(ledger: Ledger, text: str | None) -> AccountId | None:
    """The id of the account that an argument names, or None where it names none.

    Raises:
        InvalidRequestError: it is no account id.
        NotFoundError: there is no such account.
    """
    return None if text is None else (await existing(ledger, text)).balance.account_id
