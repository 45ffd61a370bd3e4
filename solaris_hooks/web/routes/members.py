"""Members of teams that share an account, for administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from solaris_hooks.ledger.members import account_as_seen_by
from solaris_hooks.ledger.port import Books
from solaris_hooks.quota.errors import NotFoundError
from solaris_hooks.quota.ids import AccountId, MemberId, member_id
from solaris_hooks.web.answers import UsageAnswer
from solaris_hooks.web.bodies import UsageQuery
from solaris_hooks.web.dependencies import Changer, Reader, TheAccountId, TheBooks, existing, segment
from solaris_hooks.web.description import NOT_FOUND
from solaris_hooks.web.history import usage_over
from solaris_hooks.web.member_answers import MemberAnswer, MembersAnswer
from solaris_hooks.web.member_bodies import DefaultLimitBody, MemberLimitBody, MembersQuery

router = APIRouter(prefix="/api/v1/accounts/{account}/members", tags=["members"])


def _member_id(
    member: Annotated[str, Path(description="Member; percent-encode it, a slash as %2F.", examples=["user:maria"])],
) -> MemberId:
    return member_id(segment(member))


TheMemberId = Annotated[MemberId, Depends(_member_id)]


@router.get("", summary="List members of a team", responses=NOT_FOUND)
async def list_members(
    _: Reader, books: TheBooks, account: TheAccountId, query: Annotated[MembersQuery, Query()]
) -> MembersAnswer:
    """Members with what each may use, has used and holds, in order of id, a page at a time."""
    team = await existing(books, account)
    page = await books.members.page(account, limit=query.limit, after=query.after)
    return MembersAnswer.of(page, team.balance, team.member_limit)


@router.put("", summary="Limit the members of a team", responses=NOT_FOUND)
async def put_default_limit(
    administrator: Changer, books: TheBooks, account: TheAccountId, body: DefaultLimitBody
) -> MembersAnswer:
    """Set what each member may use in a period who has no limit of his own. It applies at once.

    Returns the first page of members.
    """
    await books.members.put_limit(body.change(account, administrator.actor))
    team = await existing(books, account)
    return MembersAnswer.of(await books.members.page(account), team.balance, team.member_limit)


@router.get("/{member}", summary="Read a member of a team", responses=NOT_FOUND)
async def read_member(_: Reader, books: TheBooks, account: TheAccountId, member: TheMemberId) -> MemberAnswer:
    """One member as of now."""
    return await _existing(books, account, member)


@router.put("/{member}", summary="Limit a member of a team", responses=NOT_FOUND)
async def put_member(
    administrator: Changer, books: TheBooks, account: TheAccountId, member: TheMemberId, body: MemberLimitBody
) -> MemberAnswer:
    """Set what one member may use in a period, or let the team's limit hold for him again. It applies at once.

    What he holds and has used stays so. Who has not asked yet becomes a member by it.
    """
    await books.members.put_limit(body.change(account, member, administrator.actor))
    return await _existing(books, account, member)


@router.get("/{member}/usage", summary="Total a member's use by day and model", responses=NOT_FOUND)
async def read_usage(
    _: Reader, books: TheBooks, account: TheAccountId, member: TheMemberId, query: Annotated[UsageQuery, Query()]
) -> UsageAnswer:
    """Totals per local day and model; of this period where no days are given."""
    seen = await account_as_seen_by(books, account, member)
    if seen is None or await books.members.get(account, member) is None:
        raise NotFoundError(f'The account "{account}" has no member "{member}".', param="member")
    return await usage_over(books, seen, query)


async def _existing(books: Books, team: AccountId, wanted: MemberId) -> MemberAnswer:
    """A member.

    Raises:
        NotFoundError: there is no such account, or no such member of it.
    """
    account = await existing(books, team)
    member = await books.members.get(team, wanted)
    if member is None:
        raise NotFoundError(f'The account "{team}" has no member "{wanted}".', param="member")
    return MemberAnswer.of_member(member, account.balance)
