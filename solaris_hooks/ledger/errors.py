"""From psycopg's errors to ours, so that no caller needs to know the driver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors as pg
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from solaris_hooks.quota.errors import (
    ConflictError,
    InvalidRequestError,
    LedgerBusyError,
    LedgerError,
    LedgerUnavailableError,
    NotFoundError,
    SchemaError,
    SolarisError,
)

_OWN_STATES: dict[str, type[SolarisError]] = {
    "SH001": NotFoundError,
    "SH002": ConflictError,
    "SH003": InvalidRequestError,
    "SH004": NotFoundError,
    "SH005": LedgerError,
    "SH006": LedgerError,
}
"""SQLSTATEs that the functions of the schema raise; see sql/migrations."""

BROKEN = (psycopg.OperationalError, psycopg.InterfaceError)
"""The connection is gone, or could not be made: nothing is known about the statement."""

GAVE_UP = (PoolTimeout, PoolClosed, TooManyRequests)
"""The pool has waited long enough already: trying again at once would only wait longer."""


_BY_TYPE: tuple[tuple[tuple[type[psycopg.Error], ...], SolarisError], ...] = (
    ((pg.InvalidSchemaName, pg.UndefinedTable, pg.UndefinedFunction), SchemaError()),
    ((PoolTimeout, TooManyRequests), LedgerBusyError()),
    # The server that we are connected to became a standby, or was one.
    ((pg.ReadOnlySqlTransaction,), LedgerUnavailableError("PostgreSQL is read-only; connect to the primary server.")),
    ((PoolClosed,), LedgerUnavailableError("The ledger is closed.")),
)

_BY_TEXT: tuple[tuple[str, str], ...] = (
    ("authentication failed", "PostgreSQL refused the user or password in DATABASE_URL; correct it."),
    ("does not exist", "The database or role in DATABASE_URL does not exist; create it, or correct the URL."),
    ("too many clients", "PostgreSQL has no connection left; raise max_connections or lower pool_max_size."),
)
"""A refused connection has no SQLSTATE, only the server's text."""


def of(error: psycopg.Error) -> SolarisError:
    """The error of ours that says what an error of psycopg means."""
    own = _OWN_STATES.get(error.sqlstate or "")
    if own is not None:
        return own(error.diag.message_primary)
    for types, meaning in _BY_TYPE:
        if isinstance(error, types):
            return type(meaning)(meaning.message)
    if isinstance(error, BROKEN):
        text = next((advice for sign, advice in _BY_TEXT if sign in str(error)), None)
        return LedgerUnavailableError(text)
    return LedgerError(f"PostgreSQL refused a statement of the ledger ({error.sqlstate}); see the proxy's log.")


@contextmanager
def translated() -> Iterator[None]:
    """Let errors of ours out, and psycopg's as ours, chained.

    Raises:
        SolarisError: whatever went wrong with the database.
    """
    try:
        yield
    except psycopg.Error as exc:
        raise of(exc) from exc
