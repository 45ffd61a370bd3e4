"""The ledger on PostgreSQL as a whole."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from solaris_hooks.ledger.account_actions import PostgresAccountActions
from solaris_hooks.ledger.account_terms import PostgresAccountTerms
from solaris_hooks.ledger.audit_trail import PostgresAuditTrail
from solaris_hooks.ledger.batches import Batches
from solaris_hooks.ledger.compensation import Compensation
from solaris_hooks.ledger.deliveries import Deliveries
from solaris_hooks.ledger.erasure import Erasures
from solaris_hooks.ledger.lanes import Lanes
from solaris_hooks.ledger.merges import Merges
from solaris_hooks.ledger.overview import Overview
from solaris_hooks.ledger.plan_effects import PlanEffects
from solaris_hooks.ledger.postgres.account_list import PostgresAccountList
from solaris_hooks.ledger.postgres.accounts import PostgresAccounts
from solaris_hooks.ledger.postgres.credits import PostgresCreditLots, PostgresRequestBook
from solaris_hooks.ledger.postgres.events import PostgresEvents
from solaris_hooks.ledger.postgres.members import PostgresMembers
from solaris_hooks.ledger.postgres.metering import PostgresMetering
from solaris_hooks.ledger.postgres.people import PostgresPeople
from solaris_hooks.ledger.postgres.plans import PostgresPlans
from solaris_hooks.ledger.postgres.upkeep import PostgresUpkeep
from solaris_hooks.ledger.records import NewAccount
from solaris_hooks.ledger.refusals import PostgresRefusals
from solaris_hooks.ledger.report_schedules import ReportSchedules
from solaris_hooks.ledger.rollup import Rollup
from solaris_hooks.ledger.saved_lists import SavedLists
from solaris_hooks.ledger.sessions import PostgresSessions
from solaris_hooks.ledger.statements import Statements
from solaris_hooks.ledger.totals import Totals
from solaris_hooks.ledger.undo import Undoing
from solaris_hooks.ledger.usage_reports import PostgresUsageReports
from solaris_hooks.ledger.used_links import PostgresUsedLinks
from solaris_hooks.ledger.verifications import Verifications
from solaris_hooks.ledger.vital_signs import VitalSignsReader
from solaris_hooks.quota.costs import CostTable


class PostgresLedger(PostgresMetering, PostgresPeople, PostgresEvents, PostgresAccounts, PostgresPlans, PostgresUpkeep):
    """See :class:`solaris_hooks.ledger.port.Ledger` for the contract.

    The pool opens at the first statement, in the event loop that asks: a process may be forked
    after this object was made.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        defaults: NewAccount | None = None,
        now: Callable[[], dt.datetime] | None = None,
        pool_max_size: int = 10,
        pool_timeout_seconds: float = 5.0,
        prepare: bool = True,
    ) -> None:
        """Keep the settings; connect to nothing yet.

        Args:
            conninfo: PostgreSQL connection string or URL of libpq's form.
            defaults: what accounts get that ``put_account`` makes.
            now: a clock for tests; None leaves time to the database.
            pool_max_size: connections at the most, for each process.
            pool_timeout_seconds: how long a statement waits for a free connection.
            prepare: False where PgBouncer before 1.21 pools by transaction.
        """
        self._defaults = defaults or NewAccount()
        self._now = now
        self._statements = Statements(
            conninfo,
            pool_max_size=pool_max_size,
            pool_timeout_seconds=pool_timeout_seconds,
            prepare=prepare,
        )
        self._lanes = Lanes()
        self.trail = PostgresAuditTrail(self._statements)
        self.terms = self.cycle = PostgresAccountTerms(self._statements, self._clock)
        self.lots = PostgresCreditLots(self._statements, self._clock)
        self.actions = PostgresAccountActions(self._statements, self._clock)
        self.compensation = Compensation(self._statements, self._clock)
        self.merges = Merges(self._statements, self._clock)
        self.erasures = Erasures(self._statements, self._clock)
        self.batches = Batches(self._statements, self._clock)
        self.undoing = Undoing(self._statements, self._clock)
        self.report_schedules = ReportSchedules(self._statements, self._clock)
        self.requests = PostgresRequestBook(self._statements, self._clock)
        self.overview = Overview(self._statements, self._clock)
        self.vital_signs = VitalSignsReader(self._statements, self._clock)
        self.verifications = Verifications(self._statements, self._clock)
        self.saved_lists = SavedLists(self._statements, self._clock)
        self.plan_effects = PlanEffects(self._statements, self._clock)
        self.sessions = PostgresSessions(self._statements, self._clock)
        self.account_list = PostgresAccountList(self._statements, self._clock)
        self.rollup = Rollup(self._statements, self._clock)
        self.totals = Totals(self._statements, self._clock)
        self.used_links = PostgresUsedLinks(self._statements)
        self.deliveries = Deliveries(self._statements, now=self._clock)
        self.members = PostgresMembers(self._statements, self._clock)
        self.refusals = PostgresRefusals(self._statements, self._clock)

    def usage_reports(self, costs: CostTable) -> PostgresUsageReports:
        """Reports on use, with what models cost."""
        return PostgresUsageReports(self._statements, costs)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, conninfo: str, *, now: Callable[[], dt.datetime] | None = None, **settings: Any
    ) -> AsyncIterator[PostgresLedger]:
        """A ledger for a while; its connections are closed at the end. Arguments as of the class.

        Raises:
            LedgerUnavailableError: PostgreSQL cannot be reached.
        """
        ledger = cls(conninfo, now=now, **settings)
        try:
            yield ledger
        finally:
            await ledger.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._statements.close()
