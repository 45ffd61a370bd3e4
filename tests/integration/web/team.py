"""A team of two, Rui and Eva, of whom much is known; and what was asked of the books on the way."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import Request

from solaris_hooks.credits.requests import CreditRequests
from solaris_hooks.ledger.members import LimitChange
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, Grant, HoldRequest, Settlement
from solaris_hooks.ledger.refusal_records import Refusal
from solaris_hooks.ledger.statements import Statements
from solaris_hooks.ledger.wire_format import Row
from solaris_hooks.quota.ids import AccountId, HoldId, MemberId, member_id, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource
from solaris_hooks.settings import CreditRequestLimits
from solaris_hooks.web.access import Holder
from solaris_hooks.web.links import Tickets
from tests.integration.web.conftest import SECRETS
from tests.refused import holders, refusal
from tests.unit.web.asking import FakeAuthenticator

ME = "/solaris/me"
FILES = ("/entries.csv", "/entries.xlsx", "/usage.csv", "/usage.xlsx", "/refusals.csv", "/refusals.xlsx", "/data.json")
PAGES = ("", "/entries", "/refusals", "/settings", *FILES)
API = "/solaris/api/v1/me"
API_PATHS = ("", "/calls", "/usage", "/refusals", "/preferences", "/requests", "/export")


class TeamKeys(FakeAuthenticator):
    """A key ``sk-user-<name>+<team>`` is that of a member; tests give keys to others."""

    def __init__(self) -> None:
        self.given: dict[str, str] = {}

    async def holder(self, request: Request, *, key: str | None = None) -> Holder:
        said = key or self._key(request)
        own = await super().holder(request, key=self.given.get(said, said))
        user, plus, team = own.account_id.partition("+")
        return Holder(AccountId(f"team:{team}"), f"{user}@example.org", member_id(user)) if plus else own


@dataclass
class Member:
    """One of the team: what is his, each with a word that is found nowhere else."""

    team: str
    name: str
    email: str = ""
    calls: list[HoldId] = field(default_factory=list)
    refused: list[UUID] = field(default_factory=list)
    request: UUID = field(default_factory=uuid4)

    @property
    def id(self) -> MemberId:
        return MemberId(f"user:{self.name}")

    @property
    def key(self) -> str:
        return f"sk-user-{self.name}+{self.team}"

    @property
    def marks(self) -> Sequence[str]:
        """What nobody else may read."""
        ids = (*self.calls, *self.refused, self.request)
        return (self.name, f"{self.name}-model", f"{self.name}-refused", f"{self.name} asks", *map(str, ids))


@dataclass
class Team:
    """A team with an allowance of 1,000,000 tokens, of which Rui may use 1,000."""

    books: PostgresLedger
    name: str = field(default_factory=lambda: f"red-{uuid4().hex[:8]}")

    def __post_init__(self) -> None:
        end = uuid4().hex[:6]
        self.rui, self.eva = Member(self.name, f"rui{end}"), Member(self.name, f"eva{end}")

    @property
    def id(self) -> AccountId:
        return AccountId(f"team:{self.name}")

    async def use(self, member: Member, tokens: int, source: UsageSource = UsageSource.PROVIDER) -> HoldId:
        hold_id, model = new_hold_id(), f"{member.name}-model"
        email = f"{member.name}@example.org"
        await self.books.hold(HoldRequest(self.id, hold_id, model, tokens, 1, 1, 60, email, member_id=member.id))
        await self.books.settle(Settlement(self.id, hold_id, model, tokens, Usage(tokens, 0), source))
        member.calls.append(hold_id)
        return hold_id

    async def limit(self, tokens: int | None, member: Member | None = None) -> None:
        change = LimitChange(self.id, "admin:root", member.id if member else None, tokens, reason="r")
        await self.books.members.put_limit(change)

    async def refuse(self, member: Member) -> Refusal:
        """Refuse him something while the other holds much."""
        made = refusal(
            account_id=self.id,
            member_id=member.id,
            model=f"{member.name}-refused",
            message=f"{member.name} was told",
            holders=holders(777_001),
        )
        await self.books.refusals.write([made])
        member.refused.append(made.refusal_id)
        return made

    async def ask(self, member: Member) -> None:
        limits = CreditRequestLimits(open_limit=50, per_day=50)
        asking = CreditRequests(self.books.requests, limits=limits)
        made = await asking.request(self.id, 5, f"{member.name} asks", actor=member.id)
        member.request = made.request_id

    def link(self, member: Member) -> str:
        tickets = Tickets(SECRETS, "statement", lifetime_seconds=900)
        return f"{ME}?token={tickets.write(self.id, member.id)}"

    async def live(self) -> None:
        """Let both do everything that leaves a trace."""
        change = AccountChange(name="Equipe Vermelha", email="boss@example.org")
        await self.books.put_account(self.id, change, actor="admin:root")
        await self.limit(1_000, self.rui)
        for member, tokens in ((self.rui, 300), (self.eva, 41_234)):
            await self.use(member, tokens)
            await self.refuse(member)
            await self.ask(member)
        await self.books.grant_credits(Grant(self.id, 7_000, f"because {self.eva.name} asks", "admin:root", self.name))
        held = HoldRequest(self.id, new_hold_id(), f"{self.eva.name}-model", 55_555, 1, 1, 600, member_id=self.eva.id)
        await self.books.hold(held)
        self.eva.calls.append(held.hold_id)


async def entered(client: httpx.AsyncClient, member: Member) -> httpx.AsyncClient:
    """Sign in with a member's key."""
    answer = await client.post(f"{ME}/sign-in", data={"key": member.key})
    assert (answer.status_code, answer.headers["location"]) == (303, ME), answer.text
    return client


def read(answer: httpx.Response) -> str:
    """All that an answer says, workbooks unpacked."""
    assert answer.status_code == 200, answer.text
    if not answer.content.startswith(b"PK"):
        return answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
        return "\n".join(book.read(name).decode() for name in book.namelist())


@contextmanager
def asked_of_the_books(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names of the statements that run meanwhile, in order."""
    names: list[str] = []
    run = Statements.all

    async def all_(self: Statements, name: str, parameters: Mapping[str, object]) -> Sequence[Row]:
        names.append(name)
        return await run(self, name, parameters)

    with monkeypatch.context() as patched:
        patched.setattr(Statements, "all", all_)
        yield names
