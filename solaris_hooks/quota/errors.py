"""Errors of Solaris Hooks, one tree.

Every error carries a stable ``code`` (machine readable, never renamed), the HTTP
``status`` it is answered with, and a one-sentence default message that says what to do::

    SolarisError
    ├── SettingsError            a setting is wrong; the message says what to write
    ├── InvalidRequestError      400  the caller's request cannot be metered as it stands
    ├── NotFoundError            404  no such account or plan
    ├── ConflictError            409  an idempotency key was used for something else
    ├── CheckpointError          400  a checkpoint or its key cannot be used
    └── LedgerError              503  the books could not be read or written
        ├── LedgerUnavailableError   503  PostgreSQL cannot be reached
        │   ├── LedgerBusyError      503  it can, but all connections to it are taken
        │   └── JournalError         503  nor can what was used be written to the journal
        └── SchemaError              503  the schema is missing
"""

from __future__ import annotations

from typing import ClassVar


class SolarisError(Exception):
    """Something went wrong in Solaris Hooks; see the message for what to do."""

    code: ClassVar[str] = "solaris_error"
    status: ClassVar[int] = 500

    def __init__(self, message: str | None = None, *, param: str | None = None) -> None:
        """Keep the message (default: the class's docstring) and the parameter at fault, if one is."""
        self.message = message or (self.__class__.__doc__ or "").strip().split("\n")[0]
        self.param = param
        super().__init__(self.message)


class SettingsError(SolarisError):
    """A setting is wrong; correct it in litellm_config.yaml or the environment."""

    code = "invalid_settings"


class InvalidRequestError(SolarisError):
    """The request cannot be metered as it stands; correct it and send it again."""

    code = "invalid_request"
    status = 400


class NotFoundError(SolarisError):
    """There is no such account or plan."""

    code = "not_found"
    status = 404


class ConflictError(SolarisError):
    """This idempotency key was used for something else; use a new key."""

    code = "idempotency_conflict"
    status = 409


class CheckpointError(SolarisError):
    """The checkpoint or its key cannot be used; give the file and the public key that belong to these books."""

    code = "checkpoint_unusable"
    status = 400


class LedgerError(SolarisError):
    """The books could not be read or written; try again, then look at the proxy's log."""

    code = "ledger_error"
    status = 503


class LedgerUnavailableError(LedgerError):
    """PostgreSQL cannot be reached; check that it runs and that DATABASE_URL is right."""

    code = "ledger_unavailable"


class LedgerBusyError(LedgerUnavailableError):
    """No connection to PostgreSQL became free in time; see the setting pool_max_size."""

    code = "ledger_busy"


class JournalError(LedgerUnavailableError):
    """The journal cannot be written; free space, or set journal_dir."""

    code = "journal_unavailable"


class SchemaError(LedgerError):
    """The database lacks the solaris schema; run `solaris migrate`."""

    code = "schema_missing"
