"""What commands answer: short Markdown, in the language of the account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice

from solaris_hooks.hooks.commands.parsing import CommandName
from solaris_hooks.hooks.refusals import standing
from solaris_hooks.ledger.records import Account, CreditLot, DailyUsage
from solaris_hooks.messages import LOCALES, day, day_and_month, sentence, whole_number
from solaris_hooks.quota.balance import Balance, State, Status, state_of
from solaris_hooks.quota.share import Share

BAR_CELLS = 20
MOST_MODELS = 8
MOST_DAYS = 7
MOST_LOTS = 6

_OF_AN_ACCOUNT = ("chat.used", "chat.granted", "chat.remaining")
_OF_A_TEAM = ("chat.team_used", "chat.team_granted", "chat.team_remaining")


def heading(locale: str, name: CommandName) -> str:
    """The first line of an answer."""
    return f"**{title(locale, name)}**"


def title(locale: str, name: CommandName) -> str:
    """What an answer is called: also the title of a chat that is nothing else."""
    if name is CommandName.BALANCE:
        return sentence(locale, "chat.title.balance")
    if name is CommandName.STATEMENT:
        return sentence(locale, "chat.title.statement")
    if name is CommandName.CREDITS:
        return sentence(locale, "chat.title.credits")
    return sentence(locale, "chat.title.help")


HEADINGS = frozenset(heading(locale, name) for locale in LOCALES for name in CommandName)


def balance_text(account: Account, link: str | None) -> str:
    """How much is used, left, held and when it renews."""
    balance = account.balance
    locale = balance.locale
    own = [] if balance.share is None else _own_figures(balance, balance.share)
    figures = [*own, *_figures(balance)]
    lines = [(name, figure if isinstance(figure, str) else _number(locale, figure)) for name, figure in figures]
    return _paragraphs(
        heading(locale, CommandName.BALANCE),
        _standing(balance),
        bar(balance),
        _table(("", sentence(locale, "chat.tokens")), lines),
        _renewal(balance),
        _next_expiry(balance, account.lots),
        _link(locale, link),
    )


def _figures(balance: Balance) -> list[tuple[str, int | str]]:
    """The account's figures; those of a team's account are called so."""
    locale, of_team = balance.locale, balance.share is not None
    used, granted, remaining = _OF_A_TEAM if of_team else _OF_AN_ACCOUNT
    figures: list[tuple[str, int | str]] = [
        (sentence(locale, used), balance.used),
        (sentence(locale, granted), balance.limit),
        (sentence(locale, remaining), max(0, balance.spendable_by_all)),
    ]
    if balance.held and not of_team:
        figures.append((sentence(locale, "chat.held"), balance.held))
    if balance.credits_remaining:
        figures.append((sentence(locale, "chat.credits_among"), balance.credits_remaining))
    if balance.terms.overdraft:
        figures.append((sentence(locale, "chat.overdraft_among"), max(0, balance.terms.overdraft - balance.overage)))
    if balance.overage:
        figures.append((sentence(locale, "chat.overage"), balance.overage))
    return figures


def _own_figures(balance: Balance, share: Share) -> list[tuple[str, int | str]]:
    """What a member of a team has used, of what, and what he can still use."""
    locale = balance.locale
    figures: list[tuple[str, int | str]] = [
        (sentence(locale, "chat.used"), share.used),
        (sentence(locale, "chat.own_limit"), sentence(locale, "chat.no_limit") if share.limit is None else share.limit),
        (sentence(locale, "chat.remaining"), balance.left),
    ]
    if share.held:
        figures.append((sentence(locale, "chat.held"), share.held))
    return figures


def statement_text(account: Account, days: Sequence[DailyUsage], link: str | None) -> str:
    """What was used in this period, by model, and in the last days."""
    balance = account.balance
    locale = balance.locale
    by_model, by_day, requests = Counter[str](), Counter[str](), 0
    for each in days:
        by_model[each.model] += each.charge
        requests += each.requests
    for each in sorted(days, key=lambda each: each.day, reverse=True):
        by_day[day_and_month(locale, each.day)] += each.charge
    models = by_model.most_common(MOST_MODELS)
    others = sum(by_model.values()) - sum(charge for _, charge in models)
    rows = [(_cell(model), _number(locale, charge)) for model, charge in models]
    if others:
        rows.append((sentence(locale, "chat.other_models"), _number(locale, others)))
    newest = [(name, _number(locale, charge)) for name, charge in islice(by_day.items(), MOST_DAYS)]
    tokens = sentence(locale, "chat.tokens")
    since = day(locale, balance.period.start, balance.time_zone)
    return _paragraphs(
        heading(locale, CommandName.STATEMENT),
        _standing(balance),
        bar(balance),
        sentence(
            locale,
            "chat.statement_since",
            since=since,
            used=_number(locale, balance.used if balance.share is None else balance.share.used),
            requests=_number(locale, requests),
        ),
        _table((sentence(locale, "chat.model"), tokens), rows) if rows else "",
        _table((sentence(locale, "chat.day"), tokens), newest) if newest else "",
        _renewal(balance),
        _link(locale, link),
    )


def credits_text(account: Account, *offers: str, link: str | None) -> str:
    """What credits there are, and how to ask for more.

    Args:
        account: whose.
        offers: paragraphs on what may be asked for.
        link: to the statement.
    """
    balance = account.balance
    locale = balance.locale
    lots = [lot for lot in account.lots if lot.remaining][:MOST_LOTS]
    rows = [
        (
            _number(locale, lot.remaining),
            day(locale, lot.expires_at, balance.time_zone) if lot.expires_at else sentence(locale, "chat.never"),
        )
        for lot in lots
    ]
    total = _number(locale, balance.credits_remaining)
    return _paragraphs(
        heading(locale, CommandName.CREDITS),
        _standing(balance),
        sentence(locale, "chat.credits_total", tokens=total) if rows else sentence(locale, "chat.no_credits"),
        _table((sentence(locale, "chat.credits"), sentence(locale, "chat.expires")), rows) if rows else "",
        *offers,
        _link(locale, link),
    )


def help_text(locale: str, link: str | None) -> str:
    """Which commands there are."""
    return _paragraphs(
        heading(locale, CommandName.HELP),
        "\n".join(
            (
                f"- `{sentence(locale, 'chat.command.balance')}`: {sentence(locale, 'chat.help.balance')}",
                f"- `{sentence(locale, 'chat.command.statement')}`: {sentence(locale, 'chat.help.statement')}",
                f"- `{sentence(locale, 'chat.command.credits')}`: {sentence(locale, 'chat.help.credits')}",
                f"- `{sentence(locale, 'chat.command.help')}`: {sentence(locale, 'chat.help.help')}",
            )
        ),
        sentence(locale, "chat.help.free"),
        _link(locale, link),
    )


def plain_text(locale: str, name: CommandName, *paragraphs: str) -> str:
    """An answer of some sentences."""
    return _paragraphs(heading(locale, name), *paragraphs)


def bar(balance: Balance) -> str:
    """How much is used, as a line of blocks; of a member's own limit where he has one."""
    share = balance.share
    percent = balance.use_percent if share is None or share.limit is None else share.use_percent
    filled = BAR_CELLS if state_of(percent) is State.EXHAUSTED else percent * BAR_CELLS // 100
    return f"`{'█' * filled}{'░' * (BAR_CELLS - filled)}` {percent}%"


def _standing(balance: Balance) -> str:
    """What an administrator has said of the account, where it may not use anything."""
    if balance.status is Status.ACTIVE:
        return ""
    return standing(balance, _cell(balance.status_reason) if balance.status_reason else None)


def _renewal(balance: Balance) -> str:
    renewal = day(balance.locale, balance.renews_at, balance.time_zone)
    return sentence(balance.locale, "chat.renewal", renewal=renewal)


def _next_expiry(balance: Balance, lots: Sequence[CreditLot]) -> str:
    """Which credits lapse first, where any do."""
    lot = min((lot for lot in lots if lot.remaining and lot.expires_at), key=_expiry, default=None)
    if lot is None or lot.expires_at is None:
        return ""
    expiry = day(balance.locale, lot.expires_at, balance.time_zone)
    return sentence(balance.locale, "chat.next_expiry", tokens=_number(balance.locale, lot.remaining), expiry=expiry)


def _expiry(lot: CreditLot) -> float:
    return lot.expires_at.timestamp() if lot.expires_at else float("inf")


def _link(locale: str, link: str | None) -> str:
    if link is None:
        return sentence(locale, "chat.no_link")
    return f"[{sentence(locale, 'chat.link')}]({link})"


def _table(head: tuple[str, str], rows: Sequence[tuple[str, str]]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "|---|---:|", *(f"| {name} | {value} |" for name, value in rows)]
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Text of others, such as a model's name, that is to be no Markdown of its own."""
    plain = " ".join(text.split())
    for mark in "\\`*_[]<>|~":
        plain = plain.replace(mark, f"\\{mark}")
    return plain


def _number(locale: str, number: int) -> str:
    return whole_number(locale, number)


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)
