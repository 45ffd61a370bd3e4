"""What administrators do beside single accounts' books: only PostgreSQL's ledger can."""

from __future__ import annotations

from typing import Protocol

from solaris_hooks.ledger.batches import Batches
from solaris_hooks.ledger.erasure import Erasures
from solaris_hooks.ledger.merges import Merges
from solaris_hooks.ledger.report_schedules import ReportSchedules
from solaris_hooks.ledger.undo import Undoing


class Administration(Protocol):
    """See :class:`solaris_hooks.ledger.postgres.PostgresLedger`."""

    @property
    def merges(self) -> Merges:
        """Two accounts that become one."""
        ...

    @property
    def erasures(self) -> Erasures:
        """People who are forgotten."""
        ...

    @property
    def batches(self) -> Batches:
        """The same done to many accounts."""
        ...

    @property
    def undoing(self) -> Undoing:
        """Changes changed back."""
        ...

    @property
    def report_schedules(self) -> ReportSchedules:
        """Reports that are mailed again and again."""
        ...
