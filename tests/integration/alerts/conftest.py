"""Books with accounts whose events are to be told, and channels that write down what they are given."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.testing import fresh_database
from solaris_hooks.alert_settings import AlertSettings, WebhookSettings
from solaris_hooks.alerts.delivery import ChannelName, Delivery
from solaris_hooks.alerts.dispatcher import Dispatcher
from solaris_hooks.alerts.routing import Routing
from solaris_hooks.alerts.sending import Sender
from solaris_hooks.alerts.worker import AlertWorker
from solaris_hooks.ledger.delivery_records import DeliveryFilter, DeliveryRecord
from solaris_hooks.ledger.migrations import migrate
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, CreditOrigin, Grant, Plan, Settlement
from solaris_hooks.quota.ids import AccountId, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource

ANA = AccountId("user:ana")
ADMIN = "admin@example.org"
SECRET = "whsec_" + "c29sYXJpc29sYXJpc29sYXJpc29sYXJpc29sYXJpcw=="


def webhook(name: str = "books", **more: Any) -> WebhookSettings:
    return WebhookSettings(**{"name": name, "url": "http://127.0.0.1:9/", "secret": SECRET, **more})


@dataclass
class Written:
    """A channel that writes down what it is given, and fails as it is told."""

    sent: list[Delivery] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)

    async def send(self, delivery: Delivery) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(delivery)

    @property
    def said(self) -> list[tuple[str, str]]:
        return [(each.target, each.event.kind.value) for each in self.sent]


@dataclass
class Alerts:
    """The whole, with channels that write down."""

    url: str
    ledger: PostgresLedger
    mail: Written = field(default_factory=Written)
    webhooks: Written = field(default_factory=Written)
    settings: AlertSettings = field(default_factory=lambda: AlertSettings(admin_addresses=(ADMIN,)))
    addresses: Sequence[WebhookSettings] = ()

    @property
    def dispatcher(self) -> Dispatcher:
        return Dispatcher(self.ledger.deliveries, Routing(self.settings, self.addresses, mails=True))

    @property
    def sender(self) -> Sender:
        channels = {ChannelName.MAIL: self.mail, ChannelName.WEBHOOK: self.webhooks}
        return Sender(self.ledger.deliveries, channels, self.settings, time_zone="America/Sao_Paulo")

    def worker(self, **more: Any) -> AlertWorker:
        given = {
            "dispatcher": self.dispatcher,
            "sender": self.sender,
            "chores": (),
            "settings": self.settings.model_copy(
                update={"dispatch_interval_seconds": 0.1, "poll_interval_seconds": 0.1}
            ),
        }
        return AlertWorker(self.url, **{**given, **more})

    async def use(self, tokens: int, *, account_id: AccountId = ANA) -> None:
        await self.ledger.settle(
            Settlement(account_id, new_hold_id(), "m", tokens, Usage(tokens, 0), UsageSource.PROVIDER)
        )

    async def account(self, account_id: AccountId = ANA, **change: Any) -> None:
        await self.ledger.put_account(account_id, AccountChange(**change), actor="test")

    async def grant(self, tokens: int, *, origin: str = "purchase", account_id: AccountId = ANA) -> None:
        await self.ledger.grant_credits(
            Grant(
                account_id=account_id,
                tokens=tokens,
                reason="test",
                actor="test",
                idempotency_key=str(new_hold_id()),
                origin=CreditOrigin(origin),
            )
        )

    async def rows(self, **wanted: Any) -> list[DeliveryRecord]:
        """Deliveries, oldest first."""
        return list(reversed(await self.ledger.deliveries.deliveries(DeliveryFilter(**wanted))))

    async def states(self, **wanted: Any) -> list[tuple[str, str, str]]:
        return [(row.target, row.kind, row.state.value) for row in await self.rows(**wanted)]

    def asked(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        # The job library's triggers name its tables without their schema.
        path = "-csearch_path=solaris_jobs"
        with psycopg.connect(self.url, autocommit=True, options=path) as connection:
            cursor = connection.execute(query.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def jobs(self) -> list[UUID]:
        """Deliveries of which jobs are in the queue."""
        found = self.asked(
            "SELECT args ->> 'delivery_id' FROM solaris_jobs.procrastinate_jobs WHERE task_name = 'solaris.deliver'"
        )
        return [UUID(each) for (each,) in found]

    def due_now(self) -> None:
        """No job waits any longer for its time, and no attempt for another's lease."""
        self.asked("UPDATE solaris_jobs.procrastinate_jobs SET scheduled_at = NULL")
        self.asked("UPDATE solaris.deliveries SET trying_until = NULL")

    async def work_off(self) -> None:
        await self.worker().work_off()


@pytest.fixture(scope="session")
def books_url(postgres: EmbeddedPostgres) -> str:
    url = fresh_database(postgres)
    migrate(url)
    return url


@pytest.fixture(scope="session")
def superuser_url(postgres: EmbeddedPostgres, books_url: str) -> str:
    return postgres.superuser_url(str(conninfo_to_dict(books_url)["dbname"]))


@pytest.fixture
def emptied(superuser_url: str, books_url: str) -> str:
    with psycopg.connect(superuser_url) as connection:
        connection.execute("SET session_replication_role = replica")
        for schema, table in (
            *(
                ("solaris", each)
                for each in ("accounts", "entries", "entry_texts", "credit_lots", "usage", "usage_daily")
            ),
            *(("solaris", each) for each in ("events", "deliveries", "audit")),
            *(("solaris", each) for each in ("account_summaries", "account_counts")),
            *(("solaris", each) for each in ("usage_hourly", "usage_of_plans", "usage_of_teams")),
            *(("solaris_jobs", f"procrastinate_{each}") for each in ("jobs", "events", "workers", "periodic_defers")),
        ):
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(schema, table)))
    return books_url


@pytest.fixture
async def alerts(emptied: str) -> AsyncIterator[Alerts]:
    async with PostgresLedger.connect(emptied) as ledger:
        await ledger.put_plan(Plan("default", 1000, (80, 95, 100)), actor="test")
        made = Alerts(emptied, ledger)
        await made.account(email="ana@example.org", name="Ana", locale="en")
        yield made
