"""What can be exported: reports on use, accounts, entries of an account, the audit trail."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from solaris_hooks.exports.table import Cell, Table
from solaris_hooks.ledger.account_list import AccountFilter, AccountSort, Place
from solaris_hooks.ledger.audit_trail import AuditFilter
from solaris_hooks.ledger.port import Books
from solaris_hooks.ledger.records import Account
from solaris_hooks.ledger.usage_reports import ReportGrouping, ReportQuery, UsageReports, UsageRow
from solaris_hooks.quota.ids import AccountId

_PAGE = 500

_KEYS = {
    ReportGrouping.USER: ("account_id", "name", "email", "plan"),
    ReportGrouping.TEAM: ("team_id", "name", "account_id"),
    ReportGrouping.MODEL: ("model",),
    ReportGrouping.PLAN: ("plan",),
    ReportGrouping.PERIOD: (),
}
_FIGURES = ("requests", "estimated_requests", "input_tokens", "cached_input_tokens", "output_tokens", "tokens")


def usage_table(reports: UsageReports, query: ReportQuery) -> Table:
    """A report on use. A column of costs, named by their currency, is there where costs are set."""
    currency = reports.currency
    cost = () if currency is None else (f"cost_{currency.lower()}",)

    async def rows() -> AsyncIterator[Sequence[Cell]]:
        """Row by row."""
        async for row in reports.rows(query):
            yield [row.period, *_key(row, query.by), *_figures(row), *((row.cost,) if cost else ())]

    name = f"usage-by-{query.by.value}-{query.first_day}-{query.last_day}"
    return Table(name, ["period", *_KEYS[query.by], *_FIGURES, *cost], rows())


def _key(row: UsageRow, by: ReportGrouping) -> tuple[Cell, ...]:
    return {
        ReportGrouping.USER: (row.account_id, row.name, row.email, row.plan_id),
        ReportGrouping.TEAM: (row.team_id, row.name, row.account_id),
        ReportGrouping.MODEL: (row.model,),
        ReportGrouping.PLAN: (row.plan_id,),
        ReportGrouping.PERIOD: (),
    }[by]


def _figures(row: UsageRow) -> tuple[Cell, ...]:
    return (
        row.requests,
        row.estimated_requests,
        row.input_tokens,
        row.cached_input_tokens,
        row.output_tokens,
        row.tokens,
    )


_ACCOUNT = (
    "account_id",
    "name",
    "email",
    "status",
    "status_reason",
    "plan",
    "state",
    "use_percent",
    "granted",
    "used",
    "remaining",
    "held",
    "overage",
    "credits_remaining",
    "period_start",
    "period_end",
    "created_at",
    "last_used_at",
)


def accounts_table(
    books: Books, wanted: AccountFilter, *, sort: AccountSort = AccountSort.ID, descending: bool = False
) -> Table:
    """Accounts that meet conditions, as of when each is read."""

    async def rows() -> AsyncIterator[Sequence[Cell]]:
        """Page by page."""
        after: Place | None = None
        while True:
            page = await books.account_list.page(wanted, sort=sort, descending=descending, limit=_PAGE, after=after)
            for each in page.accounts:
                yield _account(each)
            after = page.next_after
            if after is None:
                return

    return Table("accounts", _ACCOUNT, rows())


def _account(account: Account) -> Sequence[Cell]:
    balance = account.balance
    return (
        balance.account_id,
        account.name,
        account.email,
        balance.status.value,
        balance.status_reason,
        balance.plan_id,
        balance.state.value,
        balance.use_percent,
        balance.limit,
        balance.used,
        balance.remaining,
        balance.held,
        balance.overage,
        balance.credits_remaining,
        balance.period.start,
        balance.period.end,
        account.created_at,
        account.last_used_at,
    )


_ENTRY = (
    "number",
    "at",
    "kind",
    "tokens",
    "allowance_after",
    "credits_after",
    "overage_after",
    "actor",
    "reason",
    "idempotency_key",
    "details",
    "hash",
)


def entries_table(books: Books, account_id: AccountId) -> Table:
    """All entries of an account, newest first."""

    async def rows() -> AsyncIterator[Sequence[Cell]]:
        """Page by page."""
        before: int | None = None
        while page := await books.entries(account_id, limit=_PAGE, before=before):
            for each in page:
                yield (
                    each.number,
                    each.at,
                    each.kind.value,
                    each.tokens,
                    each.allowance_after,
                    each.credits_after,
                    each.overage_after,
                    each.actor,
                    each.reason,
                    each.idempotency_key,
                    each.details,
                    each.hash.hex(),
                )
            before = page[-1].number

    return Table(f"entries-{account_id}", _ENTRY, rows())


_CHANGE = ("number", "at", "actor", "action", "account_id", "subject", "before", "after", "reason")


def audit_table(books: Books, wanted: AuditFilter) -> Table:
    """Changes by people, newest first; what was before and after as JSON."""

    async def rows() -> AsyncIterator[Sequence[Cell]]:
        """Page by page."""
        asked = wanted
        while page := await books.trail.records(asked, limit=_PAGE):
            for each in page:
                before, after = (
                    None if fields is None else json.dumps(fields, ensure_ascii=False)
                    for fields in (each.before, each.after)
                )
                yield (
                    each.number,
                    each.at,
                    each.actor,
                    each.action,
                    each.account_id,
                    each.subject,
                    before,
                    after,
                    each.reason,
                )
            asked = replace(asked, before=page[-1].number)

    return Table("audit", _CHANGE, rows())
