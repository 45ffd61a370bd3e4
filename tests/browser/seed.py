"""Two months of forty people's life with tokens, written through the ledger's own API.

The same for the same instant: what they use, ask for and get follows from one seed. Use of the present month ends at
the percentage that `tests.browser.people` says, on whatever day of the month it is.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

from solaris_hooks.alert_settings import AlertSettings
from solaris_hooks.alerts.routing import Routing
from solaris_hooks.credits.requests import CreditRequests
from solaris_hooks.ledger.account_terms import OverrideChange, PlanChange
from solaris_hooks.ledger.delivery_records import DeliveryFilter, DeliveryState, Limits
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, CreditOrigin, Grant, HoldRequest, Settlement
from solaris_hooks.ledger.refusal_records import Refusal, RefusalReason
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.ids import AccountId, HoldId
from solaris_hooks.quota.terms import Field
from solaris_hooks.quota.usage import Usage, UsageSource
from solaris_hooks.settings import CreditPackage, CreditRequestLimits
from tests.browser.people import (
    ANA,
    BASIC,
    BRUNO,
    CAROLINA,
    DANIEL,
    EVA,
    GRACE,
    HUGO,
    PEOPLE,
    PLANS,
    TEAM,
    VISITOR,
    Person,
)
from tests.refused import refusal

ZONE = ZoneInfo("America/Sao_Paulo")
SEED = 20_261_128
REQUESTS_A_MONTH = 18
ADMIN = "admin:marta"
DAY = dt.timedelta(days=1)
MODELS = ("gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash")

Step = tuple[dt.datetime, Callable[[], Awaitable[object]]]
"""Something that happens at a time."""


async def fill(url: str, now: dt.datetime, packages: Sequence[CreditPackage] = ()) -> None:
    """Fill an empty database that has the schema, up to an instant (UTC), from the first day of the month before it."""
    life = Life(now, packages)
    async with PostgresLedger.connect(url, now=lambda: life.clock) as ledger:
        await life.play(ledger)


def month_start(instant: dt.datetime) -> dt.datetime:
    """The first instant of the month, as an account's period has it."""
    return instant.astimezone(ZONE).replace(day=1, hour=0, minute=0, second=0, microsecond=0).astimezone(dt.UTC)


@dataclass
class Life:
    """Plans what happens, then lets it happen in order of time.

    Attributes:
        now: the end.
        clock: the time of the ledger.
    """

    now: dt.datetime
    packages: Sequence[CreditPackage] = ()
    rng: random.Random = field(default_factory=lambda: random.Random(SEED))

    def __post_init__(self) -> None:
        self.this_month = month_start(self.now)
        self.clock = self.began = month_start(self.this_month - DAY)

    async def play(self, ledger: PostgresLedger) -> None:
        """Everything, from the first plan to the last mail."""
        await ledger.make_usage_partitions(months=2)
        self.clock = self.began + dt.timedelta(minutes=1)
        for plan in PLANS:
            await ledger.put_plan(plan, actor=ADMIN)
        for person in PEOPLE:
            await self._open(ledger, person)
        steps = [*self._uses(ledger), *self._decisions(ledger)]
        post = Post(ledger)
        for at, act in sorted(steps, key=lambda step: step[0]):
            if at.date() != self.clock.date():
                await post.deliver()
            self.clock = at
            await act()
        self.clock = self.now
        await ledger.cycle.renew_due(limit=len(PEOPLE))
        await self._hold(ledger, ANA, 4_096, prompt=900)
        await self._hold(ledger, GRACE, 16_000, prompt=12_000)
        await ledger.refusals.write(self._refusals())
        await post.deliver()
        await self._total(ledger)

    async def _open(self, ledger: PostgresLedger, person: Person) -> None:
        change = AccountChange(plan_id=person.plan, email=person.email, name=person.name, locale=person.locale)
        await ledger.put_account(person.account_id, change, actor=ADMIN)

    async def _total(self, ledger: PostgresLedger) -> None:
        """Let the totals follow: a round adds what ended before the round before it."""
        for minutes in (20, 10, 0):
            self.clock = self.now - dt.timedelta(minutes=minutes)
            await ledger.rollup.round(time_zone=str(ZONE))
        while await ledger.totals.as_of() is None:  # while somebody writes elsewhere on the server
            await ledger.rollup.round(time_zone=str(ZONE))

    def _refusals(self) -> list[Refusal]:
        """Refused requests of the last hours: of those who have nothing left, and of one who asked for too much."""
        asked = (
            (CAROLINA, RefusalReason.EXHAUSTED, 3),
            (HUGO, RefusalReason.EXHAUSTED, 1),
            (ANA, RefusalReason.CONTENDED, 1),
        )
        return [
            refusal(self.now - dt.timedelta(minutes=7 * place + 2), account_id=account, reason=reason, count=count)
            for place, (account, reason, count) in enumerate(asked)
        ]

    # ------------------------------------------------------------------ use

    def _uses(self, ledger: PostgresLedger) -> Iterator[Step]:
        for person in PEOPLE:
            if not person.percent:
                continue
            before = person.granted * self.rng.randint(15, 75) // 100
            yield from self._month(ledger, person.account_id, before, self.began, self.this_month)
            # Rounded up, so that the percentage that people read, which is rounded down, is this one.
            present = -(-person.granted * person.percent // 100)
            yield from self._month(ledger, person.account_id, present, self.this_month, self.now)

    def _month(
        self, ledger: PostgresLedger, account_id: AccountId, tokens: int, since: dt.datetime, until: dt.datetime
    ) -> Iterator[Step]:
        # All but the first few minutes and the last, in which plans are made and credits are granted.
        first, length = since + (until - since) / 10, (until - since) * 0.85
        favourite = self.rng.choice(MODELS)
        for charge in self._parts(tokens):
            at = first + self.rng.random() * length
            if at.astimezone(ZONE).weekday() >= 5:  # people work less at weekends
                at = first + self.rng.random() * length
            model = favourite if self.rng.random() < 0.7 else self.rng.choice(MODELS)
            yield at, partial(self._use, ledger, account_id, model, charge)

    def _parts(self, tokens: int) -> list[int]:
        """A number in parts of different size."""
        shares = [self.rng.uniform(0.2, 1.8) for _ in range(REQUESTS_A_MONTH)]
        parts = [int(tokens * share / sum(shares)) for share in shares]
        parts[-1] += tokens - sum(parts)
        return parts

    async def _use(self, ledger: PostgresLedger, account_id: AccountId, model: str, charge: int) -> None:
        prompt = charge * self.rng.randint(60, 90) // 100
        hold_id = await self._hold(ledger, account_id, charge, prompt=prompt, model=model)
        cached = prompt * self.rng.choice((0, 0, 40, 70)) // 100
        source = UsageSource.ESTIMATE if self.rng.random() < 0.03 else UsageSource.PROVIDER
        usage = Usage(prompt, charge - prompt, cached)
        await ledger.settle(Settlement(account_id, hold_id, model, charge, usage, source))

    async def _hold(
        self, ledger: PostgresLedger, account_id: AccountId, want: int, *, prompt: int, model: str = "gpt-4o"
    ) -> HoldId:
        hold_id = self._hold_id()
        await ledger.hold(HoldRequest(account_id, hold_id, model, want, 0, prompt, lease_seconds=7200))
        return hold_id

    def _hold_id(self) -> HoldId:
        """A UUIDv7 of the clock's time (RFC 9562), so that use falls into the partition of its month."""
        milliseconds = int(self.clock.timestamp() * 1000)
        return HoldId(
            UUID(
                int=milliseconds << 80
                | 7 << 76
                | self.rng.getrandbits(12) << 64
                | 0b10 << 62
                | self.rng.getrandbits(62)
            )
        )

    # ------------------------------------------------------------------ what people decide

    def _decisions(self, ledger: PostgresLedger) -> Iterator[Step]:
        """What administrators do, and what users ask for."""
        asking = CreditRequests(ledger.requests, limits=CreditRequestLimits(), packages=self.packages)
        soon = self.this_month + (self.now - self.this_month) / 20
        late = self.this_month + (self.now - self.this_month) * 0.97
        for person in PEOPLE:
            if person.credits:
                yield soon, partial(self._grant, ledger, person)
        yield self.began + 9 * DAY, partial(self._change_plan, ledger, VISITOR, TEAM)
        yield self.began + 20 * DAY, partial(self._change_plan, ledger, VISITOR, BASIC)
        yield soon, partial(self._override, ledger)
        yield late, partial(self._status, ledger, DANIEL, Status.SUSPENDED, "fatura em atraso")
        yield late, partial(self._status, ledger, EVA, Status.BLOCKED, "chave vazada")
        yield late, partial(self._ask, asking, CAROLINA, "o mês ainda não acabou", None)
        yield late, partial(self._ask, asking, HUGO, "fechamento <b>do trimestre</b>", None)
        yield late, partial(self._ask, asking, BRUNO, "apresentação na segunda-feira", False)
        yield self.began + 25 * DAY, partial(self._ask, asking, VISITOR, "migração de relatórios", True)

    async def _grant(self, ledger: PostgresLedger, person: Person) -> None:
        for part, origin, expires_at in (
            (person.credits // 4, CreditOrigin.BONUS, self.now + 20 * DAY),
            (person.credits - person.credits // 4, CreditOrigin.PURCHASE, None),
        ):
            key = f"seed-{person.account_id}-{origin}"
            reason = "obrigado pela paciência" if expires_at else "pedido 1042"
            await ledger.grant_credits(Grant(person.account_id, part, reason, ADMIN, key, origin, expires_at))

    async def _change_plan(self, ledger: PostgresLedger, account_id: AccountId, plan: str) -> None:
        await ledger.terms.change_plan(PlanChange(account_id, plan, ADMIN, reason="período de teste"))

    async def _override(self, ledger: PostgresLedger) -> None:
        values = {Field.MAX_IN_FLIGHT: 8}
        await ledger.terms.override(OverrideChange(GRACE, ADMIN, "trabalho em lote", values, until=self.now + 30 * DAY))

    async def _status(self, ledger: PostgresLedger, account_id: AccountId, status: Status, reason: str) -> None:
        await ledger.put_account(account_id, AccountChange(status=status, status_reason=reason), actor=ADMIN)

    async def _ask(self, asking: CreditRequests, account_id: AccountId, reason: str, said: bool | None) -> None:  # noqa: FBT001
        request = await asking.request(account_id, 250_000, reason, actor=account_id)
        if said is True:
            await asking.approve(request.request_id, actor=ADMIN)
        elif said is False:
            await asking.reject(request.request_id, actor=ADMIN, reason="a cota renova amanhã")


class Post:
    """Lets events become mails, of which one in twenty is refused."""

    LIMITS = Limits(
        most_attempts=1, lease=dt.timedelta(minutes=1), mails_per_account=1000, mails=10_000, fold_above=1000
    )

    def __init__(self, ledger: PostgresLedger) -> None:
        self._deliveries = ledger.deliveries
        self._routing = Routing(AlertSettings(admin_addresses=["marta@example.org"]), (), mails=True)
        self._sent = 0

    async def deliver(self) -> None:
        """Make mails of what has happened, and end them."""
        while await self._deliveries.dispatch(self._routing, limit=200, stale_after=100 * DAY):
            pass
        for record in await self._deliveries.deliveries(DeliveryFilter(state=DeliveryState.PENDING), limit=1000):
            await self._deliveries.begin(record.delivery_id, self.LIMITS)
            self._sent += 1
            refused = self._sent % 20 == 0
            await self._deliveries.end(
                record.delivery_id,
                DeliveryState.DEAD if refused else DeliveryState.SENT,
                "550 5.1.1 mailbox unavailable" if refused else None,
            )
