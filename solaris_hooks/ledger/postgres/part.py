"""What every part of the ledger on PostgreSQL has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from solaris_hooks.ledger.statements import Statements


class PostgresPart:
    """What runs statements, and the clock of tests."""

    _statements: Statements
    _now: Callable[[], dt.datetime] | None

    def _clock(self) -> dt.datetime | None:
        return self._now() if self._now is not None else None
