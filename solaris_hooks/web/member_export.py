"""All that the books know of one member of a team, as one JSON document: nothing of it is another member's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from pydantic import Field, RootModel

from solaris_hooks.ledger.records import Account
from solaris_hooks.ledger.refusal_book import RefusalFilter
from solaris_hooks.quota.share import Share
from solaris_hooks.web.answers import Answer, DayAnswer
from solaris_hooks.web.credit_answers import RequestAnswer
from solaris_hooks.web.export import PAGE, EventfulBooks, ExportAnswer, pages, sections, usage, written
from solaris_hooks.web.member_answers import CallAnswer, ShareAnswer, TeamAnswer
from solaris_hooks.web.member_view import own_refusals
from solaris_hooks.web.refusal_answers import OwnRefusalAnswer


class MemberExportAnswer(Answer):
    """All that the books know of a member of a team."""

    email: str | None = Field(description="As LiteLLM had it when you last asked.")
    share: ShareAnswer
    team: TeamAnswer
    calls: list[CallAnswer] = Field(description="What was booked to you, newest first.")
    usage: list[DayAnswer] = Field(description="Your use by day and model, oldest first.")
    requests: list[RequestAnswer] = Field(description="Your requests for credits, newest first.")
    refusals: list[OwnRefusalAnswer] = Field(
        description="Your refused requests, newest first, as far as they are kept."
    )
    complete: bool = Field(description="The last field: a document without it was cut short.")


class OwnExportAnswer(RootModel[ExportAnswer | MemberExportAnswer]):
    """All that the books know of whoever asks: of an account, or of a member of a team."""


async def exported_of_member(books: EventfulBooks, account: Account, share: Share) -> AsyncIterator[str]:
    """Pieces of the JSON of a :class:`MemberExportAnswer`, as of :func:`solaris_hooks.web.export.exported`.

    Args:
        books: the ledger.
        account: the team's, as seen by the member.
        share: his.
    """
    team, me = account.balance.account_id, share.member_id
    member = await books.members.get(team, me)
    own = ShareAnswer.of(share, account.balance).model_dump_json()
    email = json.dumps(member.email if member is not None else None)
    yield f'{{"email":{email},"share":{own}'
    yield f',"team":{TeamAnswer.of(account.balance, account.name).model_dump_json()}'
    found = sections(
        (
            "calls",
            written(
                pages(
                    lambda before: books.members.calls(team, me, limit=PAGE, before=before), lambda call: call.call_id
                ),
                CallAnswer.of,
            ),
        ),
        ("usage", usage(books, account)),
        (
            "requests",
            written(
                pages(
                    lambda before: books.requests.find(account_id=team, requested_by=me, limit=PAGE, before=before),
                    lambda request: request.number,
                ),
                lambda request: RequestAnswer.of(request, own=True),
            ),
        ),
        (
            "refusals",
            written(
                pages(
                    lambda before: own_refusals(books, team, me, RefusalFilter(before=before), limit=PAGE),
                    lambda refusal: refusal.refusal_id,
                ),
                OwnRefusalAnswer.of,
            ),
        ),
    )
    async for piece in found:
        yield piece
