"""Which command a message is, if it is nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

MOST_CHARACTERS = 1000
"""A longer message is no command."""


class CommandName(StrEnum):
    """What is asked for."""

    BALANCE = "balance"
    STATEMENT = "statement"
    CREDITS = "credits"
    HELP = "help"


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it was typed.

    Attributes:
        tokens: credits that are asked for; None where none are.
        reason: why, in the user's words; may be empty.
        misread: what follows ``/credits`` and is no number of tokens.
    """

    name: CommandName
    tokens: int | None = None
    reason: str = ""
    misread: str = ""


NAMES: Mapping[str, CommandName] = MappingProxyType(
    {
        "saldo": CommandName.BALANCE,
        "balance": CommandName.BALANCE,
        "extrato": CommandName.STATEMENT,
        "statement": CommandName.STATEMENT,
        "creditos": CommandName.CREDITS,
        "créditos": CommandName.CREDITS,
        "credits": CommandName.CREDITS,
        "ajuda": CommandName.HELP,
        "help": CommandName.HELP,
    }
)

_MENTIONED = re.compile(
    rb"/(?:saldo|balance|extrato|statement|cr(?:e|\xc3[\xa9\x89]|\\u00[ce]9)ditos|credits|ajuda|help)"
)

LONGEST_MENTION = len(rb"/cr\u00e9ditos")
"""In bytes."""


def mentioned(data: bytes) -> bool:
    """Whether any command stands in some bytes of a request's JSON at all.

    In lower case, for a search that does not care for it takes several times as long: of 64 kB that are nothing but
    slashes and letters, a millisecond.
    """
    return _MENTIONED.search(data.lower()) is not None


_COMMAND = re.compile(r"/(?P<name>\w+)(?:[ \t]+(?P<rest>[^\r\n]+))?")
_AMOUNT = re.compile(
    r"(?P<number>\d{1,3}(?:[., ]\d{3})+|\d+(?:[.,]\d{1,3})?)"
    r"(?P<unit>k|m| ?mil| ?mi| ?milhão| ?milhões| ?million)?(?:[ \t]+(?P<reason>.*))?",
    re.IGNORECASE,
)
_GROUPED = re.compile(r"\d{1,3}(?:[., ]\d{3})+")
_UNITS: Mapping[str, int] = MappingProxyType(
    {
        "": 1,
        "k": 1000,
        "mil": 1000,
        "m": 1_000_000,
        "mi": 1_000_000,
        "milhão": 1_000_000,
        "milhões": 1_000_000,
        "million": 1_000_000,
    }
)


def read_command(text: str) -> Command | None:
    """The command that a whole message is; None where it is anything else.

    A command stands alone, in one line, in capitals or not. Only ``/credits`` takes more: a number of tokens and,
    after it, a reason.
    """
    plain = text.strip()
    found = _COMMAND.fullmatch(plain) if len(plain) <= MOST_CHARACTERS else None
    name = NAMES.get(found["name"].lower()) if found is not None else None
    if found is None or name is None:
        return None
    rest = (found["rest"] or "").strip()
    if not rest:
        return Command(name)
    if name is not CommandName.CREDITS:
        return None
    amount = _AMOUNT.fullmatch(rest)
    tokens = _tokens(amount["number"], (amount["unit"] or "").strip().lower()) if amount is not None else None
    if amount is None or tokens is None:
        return Command(name, misread=rest)
    return Command(name, tokens, (amount["reason"] or "").strip())


def _tokens(number: str, unit: str) -> int | None:
    """A whole number of tokens, as people write it: 200000, 200.000, 200,000, 200 000, 200k, 1,5m, 200 mil.

    Points and commas before groups of three digits separate thousands; other ones, before a unit, decimals.
    """
    if _GROUPED.fullmatch(number):
        number = re.sub(r"[., ]", "", number)
    exact = Decimal(number.replace(",", ".")) * _UNITS[unit]
    return int(exact) if exact == exact.to_integral_value() else None
