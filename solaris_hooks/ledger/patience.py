"""How long a statement of a request waits for a server that may have stopped, or may be behind a cut network."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from solaris_hooks.ledger import errors
from solaris_hooks.quota.errors import LedgerUnavailableError

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg.rows import DictRow

NETWORK = {
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
"""Where the connection string says nothing else: libpq's own defaults wait hours for a peer that is gone."""


class NoAnswerError(LedgerUnavailableError):
    """PostgreSQL did not answer in time."""


@contextmanager
def hung_up(connection: AsyncConnection[DictRow], *, after_seconds: float) -> Iterator[None]:
    """End the connection under a statement that takes too long; it then fails as on any broken connection.

    Cancelling the statement would ask that same server, and wait for it.

    Raises:
        NoAnswerError: it took too long.
    """
    late = False

    def hang_up() -> None:
        nonlocal late
        late = True
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as wire:
            wire.shutdown(socket.SHUT_RDWR)

    timer = asyncio.get_running_loop().call_later(after_seconds, hang_up)
    try:
        yield
    except errors.BROKEN as exc:
        if late:
            raise NoAnswerError from exc
        raise
    finally:
        timer.cancel()
