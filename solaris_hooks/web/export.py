"""All that the books know of one account, as one JSON document that is written while it is read."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Protocol, Self, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from solaris_hooks.ledger.event import Event
from solaris_hooks.ledger.members import daily_usage_of
from solaris_hooks.ledger.port import Books, Events
from solaris_hooks.ledger.records import Account
from solaris_hooks.ledger.refusal_book import RefusalFilter
from solaris_hooks.web.action_answers import PreferencesAnswer
from solaris_hooks.web.answers import AccountAnswer, Answer, DayAnswer, EntryAnswer, LotAnswer, UsageAnswer
from solaris_hooks.web.credit_answers import RequestAnswer
from solaris_hooks.web.fields import Instant
from solaris_hooks.web.refusal_answers import OwnRefusalAnswer

PAGE = 200
_DAYS = dt.timedelta(days=366)

T = TypeVar("T")
C = TypeVar("C")


class EventAnswer(Answer):
    """Something that the account's user, or somebody else, was told of."""

    number: int
    kind: str
    at: Instant
    details: dict[str, Any]

    @classmethod
    def of(cls, event: Event) -> Self:
        """An event."""
        return cls(number=event.number, kind=event.kind.value, at=event.at, details=dict(event.details))


class ExportAnswer(Answer):
    """All that the books know of an account."""

    account: AccountAnswer
    preferences: PreferencesAnswer
    lots: list[LotAnswer] = Field(description="Credits, used up ones included, newest first.")
    entries: list[EntryAnswer] = Field(description="The ledger, newest first.")
    usage: list[DayAnswer] = Field(description="Use by day and model, oldest first.")
    requests: list[RequestAnswer] = Field(description="Requests for credits, newest first.")
    events: list[EventAnswer] = Field(description="What somebody was told of, newest first, as far as it is kept.")
    refusals: list[OwnRefusalAnswer] = Field(description="Refused requests, newest first, as far as they are kept.")
    complete: bool = Field(description="The last field: a document without it was cut short.")


class EventfulBooks(Books, Events, Protocol):
    """Books with their events."""


async def exported(books: EventfulBooks, account: Account, *, own: bool) -> AsyncIterator[str]:
    """Pieces of the JSON of an :class:`ExportAnswer`; no more than a page of anything is in memory at a time.

    Args:
        books: the ledger.
        account: whose data.
        own: whether its user gets it; he is not told which administrator did what.
    """
    who = account.balance.account_id
    yield f'{{"account":{AccountAnswer.of(account, own=own).model_dump_json()}'
    preferences = PreferencesAnswer.of(await books.actions.preferences(who))
    yield f',"preferences":{preferences.model_dump_json()}'
    found = sections(
        (
            "lots",
            written(
                pages(lambda before: books.lots.all(who, limit=PAGE, before=before), lambda lot: lot.lot_id),
                lambda lot: LotAnswer.of(lot, own=own),
            ),
        ),
        (
            "entries",
            written(
                pages(lambda before: books.entries(who, limit=PAGE, before=before), lambda entry: entry.number),
                lambda entry: EntryAnswer.of(entry, own=own),
            ),
        ),
        ("usage", usage(books, account)),
        (
            "requests",
            written(
                pages(
                    lambda before: books.requests.find(account_id=who, limit=PAGE, before=before),
                    lambda request: request.number,
                ),
                lambda request: RequestAnswer.of(request, own=own),
            ),
        ),
        (
            "events",
            written(
                pages(lambda before: books.events(who, limit=PAGE, before=before), lambda event: event.number),
                EventAnswer.of,
            ),
        ),
        (
            "refusals",
            written(
                pages(
                    lambda before: books.refusals.find(RefusalFilter(who, before=before), limit=PAGE),
                    lambda refusal: refusal.refusal_id,
                ),
                OwnRefusalAnswer.of,
            ),
        ),
    )
    async for piece in found:
        yield piece


async def sections(*named: tuple[str, AsyncIterator[BaseModel]]) -> AsyncIterator[str]:
    """Lists of a document whose first fields are written, and its end."""
    for name, answers in named:
        yield f',"{name}":['
        first = True
        async for each in answers:
            yield ("" if first else ",") + each.model_dump_json()
            first = False
        yield "]"
    yield ',"complete":true}\n'


async def pages(page: Callable[[C | None], Awaitable[Sequence[T]]], cursor: Callable[[T], C]) -> AsyncIterator[T]:
    """All of something that is read newest first, a page at a time."""
    before: C | None = None
    while found := await page(before):
        for each in found:
            yield each
        before = cursor(found[-1])


async def written(records: AsyncIterator[T], answer: Callable[[T], BaseModel]) -> AsyncIterator[BaseModel]:
    """Records as answers."""
    async for each in records:
        yield answer(each)


async def usage(books: Books, account: Account) -> AsyncIterator[BaseModel]:
    """Use by day and model, a year at a time; of a team's member who asks, his own."""
    zone = ZoneInfo(account.balance.time_zone)
    since = account.created_at.astimezone(zone).date() - dt.timedelta(days=1)  # its zone may have been another one
    last = dt.datetime.now(zone).date() + dt.timedelta(days=1)
    while since <= last:
        until = min(last, since + _DAYS)
        for day in UsageAnswer.of(since, until, await daily_usage_of(books, account, since=since, until=until)).data:
            yield day
        since = until + dt.timedelta(days=1)
