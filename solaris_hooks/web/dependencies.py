"""What the routes ask for: the books, who is asking, and the account that an address names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import unquote

from fastapi import Depends, Path, Request

from solaris_hooks.credits.requests import CreditRequests
from solaris_hooks.ledger.administration import Administration
from solaris_hooks.ledger.compensation import Compensation
from solaris_hooks.ledger.front_page import FrontPage
from solaris_hooks.ledger.members import account_as_seen_by
from solaris_hooks.ledger.port import Books
from solaris_hooks.ledger.records import Account, AccountChange
from solaris_hooks.ledger.usage_reports import UsageReports
from solaris_hooks.ledger.verifications import Verifications
from solaris_hooks.ledger.verifying import Verifier as OwnProcess
from solaris_hooks.quota.errors import NotFoundError
from solaris_hooks.quota.ids import AccountId, account_id
from solaris_hooks.roles import Permission
from solaris_hooks.web.access import Administrator, Authenticator, Holder


@dataclass(frozen=True, slots=True)
class Reporting:
    """What tells of all accounts together.

    Attributes:
        front_page: an overview's figures.
        usage: reports on use.
        time_zone: of administrators' days, where they name none.
        administrators: e-mail addresses to which scheduled reports go that name no recipient.
        locale: language of scheduled reports that name none.
    """

    front_page: FrontPage
    usage: UsageReports
    time_zone: str
    administrators: Sequence[str] = ()
    locale: str = "pt_BR"


@dataclass(frozen=True, slots=True)
class Verifying:
    """What verifies the books beside the requests.

    Attributes:
        verifier: starts verifications.
        list: of those that were started, and what they found.
    """

    verifier: OwnProcess
    list: Verifications


@dataclass(frozen=True, slots=True)
class Services:
    """What an API is built on.

    Attributes:
        open_accounts: whether asking for one's own account makes it, as the first request would.
        requests: how users ask for credits.
        campaigns: compensation in bulk.
        reporting: figures over all accounts.
        administration: merges, erasures, batches and undoing.
        verifying: verifications in processes of their own; None where the books are in memory.
    """

    books: Books
    authenticator: Authenticator
    open_accounts: bool
    requests: CreditRequests
    campaigns: Compensation | None = None
    reporting: Reporting | None = None
    administration: Administration | None = None
    verifying: Verifying | None = None


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


TheServices = Annotated[Services, Depends(_services)]


def _books(services: TheServices) -> Books:
    return services.books


def _requests(services: TheServices) -> CreditRequests:
    return services.requests


def _compensation(services: TheServices) -> Compensation:
    assert services.campaigns is not None  # or it has no address
    return services.campaigns


def _reporting(services: TheServices) -> Reporting:
    assert services.reporting is not None  # or it has no address
    return services.reporting


def _administration(services: TheServices) -> Administration:
    assert services.administration is not None  # or it has no address
    return services.administration


def _administrator(permission: Permission) -> Callable[[Request, Services], Awaitable[Administrator]]:
    """What lets administrators with a permission through."""

    async def checked(request: Request, services: TheServices) -> Administrator:
        return await services.authenticator.administrator(request, permission)

    return checked


async def _holder(request: Request, services: TheServices) -> Holder:
    return await services.authenticator.holder(request)


def segment(encoded: str) -> str:
    """Decode what :class:`solaris_hooks.web.asgi.SegmentPaths` left encoded in a segment of the path."""
    return unquote(encoded)


def _account_id(
    account: Annotated[
        str,
        Path(
            description="Account id; percent-encode it, a slash as %2F.",
            examples=["user:maria", "user:maria%2Fsales"],
        ),
    ],
) -> AccountId:
    return account_id(segment(account))


def _plan_id(plan: Annotated[str, Path(description="Plan id.", examples=["default"])]) -> str:
    return segment(plan)


TheBooks = Annotated[Books, Depends(_books)]
TheCompensation = Annotated[Compensation, Depends(_compensation)]
TheAdministration = Annotated[Administration, Depends(_administration)]
TheRequests = Annotated[CreditRequests, Depends(_requests)]
TheReporting = Annotated[Reporting, Depends(_reporting)]
Reader = Annotated[Administrator, Depends(_administrator(Permission.READ))]
Verifier = Annotated[Administrator, Depends(_administrator(Permission.VERIFY))]
Supporter = Annotated[Administrator, Depends(_administrator(Permission.SUPPORT))]
Changer = Annotated[Administrator, Depends(_administrator(Permission.CHANGE))]
Governor = Annotated[Administrator, Depends(_administrator(Permission.GOVERN))]
TheHolder = Annotated[Holder, Depends(_holder)]
TheAccountId = Annotated[AccountId, Depends(_account_id)]
ThePlanId = Annotated[str, Depends(_plan_id)]


async def own_account(services: Services, holder: Holder) -> Account:
    """The account of somebody with a virtual key; made now if accounts are made at first sight.

    Raises:
        NotFoundError: there is none.
    """
    account = await account_as_seen_by(services.books, holder.account_id, holder.member_id)
    if account is not None:
        return account
    if not services.open_accounts:
        raise NotFoundError("There is no account for this key; ask an administrator for one.")
    first = AccountChange(email=holder.email if holder.member_id is None else None)
    made = await services.books.put_account(holder.account_id, first, actor="system")
    return await account_as_seen_by(services.books, holder.account_id, holder.member_id) or made


async def existing(books: Books, wanted: AccountId) -> Account:
    """The account.

    Raises:
        NotFoundError: there is none.
    """
    account = await books.account(wanted)
    if account is None:
        raise NotFoundError(
            f'There is no account "{wanted}"; it is made at the first request, or with PUT.',
            param="account_id",
        )
    return account
