"""Answers commands from the books."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from solaris_hooks.hooks.commands import texts
from solaris_hooks.hooks.commands.parsing import Command, CommandName
from solaris_hooks.hooks.commands.written import Answer
from solaris_hooks.hooks.refusals import quota_headers
from solaris_hooks.ledger.members import account_as_seen_by, daily_usage_of
from solaris_hooks.ledger.records import Account, AccountChange
from solaris_hooks.messages import sentence

if TYPE_CHECKING:
    from solaris_hooks.hooks.commands.endpoint import Asker
    from solaris_hooks.hooks.commands.titles import TitleRequest
    from solaris_hooks.ledger.port import Books
    from solaris_hooks.quota.ids import AccountId, MemberId


class LinkOf(Protocol):
    """Makes links to statements."""

    def __call__(self, account: AccountId, member: MemberId | None = None, /) -> str | None:
        """The address of an account's statement, signed; of a team's, of what its member may see.

        None where nobody knows where the proxy is reached.
        """
        ...


class CreditCounter(Protocol):
    """Where users ask for credits."""

    def offers(self, locale: str) -> str:
        """What may be asked for, as a paragraph of Markdown; empty where it is up to the user."""
        ...

    async def ask(self, account: Account, tokens: int, reason: str) -> str:
        """Ask for credits for an account. Returns what came of it, as a paragraph in the account's language.

        The books name a team's member as the one who asks.
        """
        ...


class Desk:
    """Knows what to say to whom."""

    headings = texts.HEADINGS

    def __init__(
        self,
        *,
        books: Books,
        link_of: LinkOf,
        counter: CreditCounter | None,
        open_accounts: bool,
        default_locale: str,
    ) -> None:
        """Keep the collaborators.

        Args:
            books: the ledger.
            link_of: makes links to statements.
            counter: where credits are asked for; None where the chat takes no requests.
            open_accounts: whether a user who was never seen gets an account.
            default_locale: the language of users without an account.
        """
        self._books = books
        self._link_of = link_of
        self._counter = counter
        self._open_accounts = open_accounts
        self._default_locale = default_locale

    async def answer(self, asker: Asker, command: Command) -> tuple[str, dict[str, str]]:
        """What a command answers, and headers with the account's figures.

        Raises:
            LedgerError: the books cannot be read.
        """
        account = await self._account(asker)
        if account is None:
            unknown = sentence(self._default_locale, "refusal.unknown_user")
            return texts.plain_text(self._default_locale, command.name, unknown), {}
        return await self._text(account, command), quota_headers(account.balance)

    async def title(self, asker: Asker, request: TitleRequest) -> Answer:
        """The title of a chat that is one command."""
        account = await account_as_seen_by(self._books, asker.account_id, asker.member_id)
        locale = account.balance.locale if account is not None else self._default_locale
        title = texts.title(locale, request.command)
        if not request.fields:
            return Answer(title)
        said = {"title": title, "language": sentence(locale, "chat.language")}
        return Answer(json.dumps({name: said[name] for name in request.fields}, ensure_ascii=False), request.function)

    def unavailable(self) -> str:
        """What is said while the books cannot be read."""
        return sentence(self._default_locale, "refusal.unavailable")

    async def _account(self, asker: Asker) -> Account | None:
        account = await account_as_seen_by(self._books, asker.account_id, asker.member_id)
        if account is not None or not self._open_accounts:
            return account
        first = AccountChange(email=asker.email if asker.member_id is None else None)
        await self._books.put_account(asker.account_id, first, actor="system")
        return await account_as_seen_by(self._books, asker.account_id, asker.member_id)

    async def _text(self, account: Account, command: Command) -> str:
        balance = account.balance
        share = balance.share
        link = self._link_of(balance.account_id, share.member_id if share is not None else None)
        if command.name is CommandName.HELP:
            return texts.help_text(balance.locale, link)
        if command.name is CommandName.BALANCE:
            return texts.balance_text(account, link)
        if command.name is CommandName.CREDITS:
            return await self._credits(account, command, link)
        zone = ZoneInfo(balance.time_zone)
        since = balance.period.start.astimezone(zone).date()
        until = max(since, dt.datetime.now(zone).date())
        days = await daily_usage_of(self._books, account, since=since, until=until)
        return texts.statement_text(account, days, link)

    async def _credits(self, account: Account, command: Command, link: str | None) -> str:
        locale = account.balance.locale
        if self._counter is None:
            return texts.credits_text(account, sentence(locale, "chat.credits_by_administrator"), link=link)
        if command.misread:
            return texts.plain_text(
                locale, command.name, sentence(locale, "chat.credits_misread"), sentence(locale, "chat.credits_how")
            )
        if command.tokens is not None:
            said = await self._counter.ask(account, command.tokens, command.reason)
            return texts.plain_text(locale, command.name, said)
        return texts.credits_text(
            account, self._counter.offers(locale), sentence(locale, "chat.credits_how"), link=link
        )
