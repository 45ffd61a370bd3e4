"""``solaris accounts``: reset, message, preferences, merge, erase, export."""

from __future__ import annotations

import sys
from typing import Annotated
from uuid import uuid4

import typer

from solaris_hooks.cli import runtime
from solaris_hooks.cli.accounts import show_figures
from solaris_hooks.cli.invocation import AnAccount, Json, existing, with_ledger
from solaris_hooks.cli.output import show_fields, show_json, show_line
from solaris_hooks.ledger.account_actions import MessageOutcome, Preferences
from solaris_hooks.ledger.port import Ledger
from solaris_hooks.quota.ids import account_id, member_id
from solaris_hooks.web.action_answers import MessageAnswer, PreferencesAnswer, ResetAnswer
from solaris_hooks.web.action_bodies import MessageBody, PreferencesBody, ResetBody
from solaris_hooks.web.action_errors import TooManyMessagesError, UnreachableError
from solaris_hooks.web.administration_answers import ErasedAnswer, MergeAnswer
from solaris_hooks.web.administration_bodies import ErasureBody, MergeBody
from solaris_hooks.web.answers import AccountAnswer
from solaris_hooks.web.export import exported

Key = Annotated[
    str | None,
    typer.Option("--idempotency-key", help="The same key does it once, however often it is used. Default: a new one."),
]
Why = Annotated[str, typer.Option(help="Why; it stays in the ledger and the audit trail.", show_default=False)]
Note = Annotated[str | None, typer.Option("--reason", help="Why, for the audit trail alone.")]


def _key(given: str | None) -> str:
    return given if given is not None else f"cli-{uuid4()}"


def reset(
    context: typer.Context, account: AnAccount, reason: Why, idempotency_key: Key = None, as_json: Json = False
) -> None:
    """Set the use of this period back to zero, and forgive what is owed."""
    body = ResetBody(reason=reason, idempotency_key=_key(idempotency_key))
    wanted = body.reset(account_id(account), runtime.actor())

    async def work(ledger: Ledger) -> ResetAnswer:
        """Do it with the ledger."""
        result = await ledger.actions.reset(wanted)
        return ResetAnswer(tokens=result.tokens, account=AccountAnswer.of(await existing(ledger, account)))

    answer = with_ledger(context, work)
    if as_json:
        show_json(answer)
        return
    show_line(f"{answer.tokens:,} tokens were given back." if answer.tokens else "Nothing was used in this period.")
    show_figures(answer.account)


def message(  # noqa: PLR0913, PLR0917 - one for each option
    context: typer.Context,
    account: AnAccount,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Plain text, at most 1,000 characters.")],
    chat: Annotated[bool, typer.Option(help="Tell it with the next answer in the chat.")] = True,
    mail: Annotated[bool, typer.Option(help="Send it by e-mail.")] = False,
    reason: Note = None,
    idempotency_key: Key = None,
    as_json: Json = False,
) -> None:
    """Send a message to an account's user."""
    given = {"text": text, "chat": chat, "mail": mail, "idempotency_key": _key(idempotency_key)}
    body = MessageBody.model_validate(given if reason is None else {**given, "reason": reason})
    wanted = body.message(account_id(account), runtime.actor())
    result = with_ledger(context, lambda ledger: ledger.actions.send(wanted))
    if result.outcome is MessageOutcome.LIMITED:
        raise TooManyMessagesError
    if result.outcome is MessageOutcome.UNREACHABLE:
        raise UnreachableError
    answer = MessageAnswer.of(result)
    if as_json:
        show_json(answer)
        return
    ways = [way for way, goes in (("in the chat", answer.chat), ("by e-mail", answer.mail)) if goes]
    show_line(f"It goes {' and '.join(ways)}.")


def preferences(
    context: typer.Context,
    account: AnAccount,
    locale: Annotated[str | None, typer.Option(help="pt_BR or en.")] = None,
    mails: Annotated[bool | None, typer.Option(help="Whether the user gets mails.")] = None,
    chat_notices: Annotated[bool | None, typer.Option(help="Whether the chat tells the user anything.")] = None,
    reason: Note = None,
    as_json: Json = False,
) -> None:
    """Show what a user has set for himself, or set it."""
    given = {"locale": locale, "mails": mails, "chat_notices": chat_notices, "reason": reason}
    body = PreferencesBody.model_validate({name: value for name, value in given.items() if value is not None})
    change = body.change(account_id(account), runtime.actor(), body.reason)
    asks_only = locale is None and mails is None and chat_notices is None

    async def work(ledger: Ledger) -> Preferences:
        """Read or write the ledger."""
        if asks_only:
            return await ledger.actions.preferences(change.account_id)
        return await ledger.actions.set_preferences(change)

    answer = PreferencesAnswer.of(with_ledger(context, work))
    if as_json:
        show_json(answer)
        return
    show_fields([("language", answer.locale), ("mails", answer.mails), ("notices in the chat", answer.chat_notices)])


def merge(  # noqa: PLR0913, PLR0917 - one for each option
    context: typer.Context,
    account: AnAccount,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The account that pays for both afterwards.")],
    reason: Why,
    move_use: Annotated[bool, typer.Option("--move-use", help="Use of this period counts there, too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would happen, and change nothing.")] = False,
    idempotency_key: Key = None,
    as_json: Json = False,
) -> None:
    """Merge an account into another, which pays for both from then on."""
    body = MergeBody(
        into=into, reason=reason, move_use=move_use, dry_run=dry_run, idempotency_key=_key(idempotency_key)
    )
    wanted = body.merge(account_id(account), runtime.actor())
    result = with_ledger(context, lambda ledger: runtime.administration(ledger).merges.merge(wanted, dry_run=dry_run))
    answer = MergeAnswer.of(wanted.source, wanted.target, result.moved, dry_run=dry_run)
    if as_json:
        show_json(answer)
        return
    show_fields([(name.replace("_", " "), value) for name, value in answer.model_dump().items() if name != "dry_run"])
    if dry_run:
        show_line("Nothing was changed.")


def erase(
    context: typer.Context,
    account: AnAccount,
    confirm: Annotated[str, typer.Option(help="The account's id once more; of a member, his.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Why, with nothing of the person.", show_default=False)],
    member: Annotated[
        str | None, typer.Option(help="Only this member of a team: user:<user_id> or key:<hash>.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Erase personal data: address, name, and every text about the person. It cannot be undone."""
    body = ErasureBody(confirm=confirm, reason=reason)
    order = body.erasure(account_id(account), runtime.actor(), member_id(member) if member else None)
    answer = ErasedAnswer.of(with_ledger(context, lambda ledger: runtime.administration(ledger).erasures.erase(order)))
    if as_json:
        show_json(answer)
        return
    show_fields([(name.replace("_", " "), value) for name, value in answer.model_dump().items()])
    if answer.id_names_person:
        show_line("The id is an e-mail address: it is part of the chain, and stays.")


def export(context: typer.Context, account: AnAccount) -> None:
    """Write all that is known of an account to stdout, as one JSON document."""

    async def work(ledger: Ledger) -> None:
        """Read the ledger."""
        async for piece in exported(ledger, await existing(ledger, account), own=False):
            sys.stdout.write(piece)

    with_ledger(context, work)


def add_to(accounts: typer.Typer) -> None:
    """Add the commands to those of ``solaris accounts``."""
    for command in (reset, message, preferences, merge, erase, export):
        accounts.command(command.__name__)(command)
