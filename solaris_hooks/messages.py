"""Sentences that users read, in their language: gettext catalogues, read through Babel.

The catalogues are the ``.po`` files under ``locale/``. Babel compiles them when they are first
read, so that nothing has to be built when the package is installed.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import cache
from importlib import resources
from io import BytesIO
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal
from babel.support import NullTranslations, Translations

LOCALES = ("pt_BR", "en")
"""Languages that users can choose; the first is the default."""


@cache
def translations(locale: str, domain: str = "solaris") -> NullTranslations:
    """The catalogue of a locale; Portuguese where there is none. Mails have a domain of their own, ``mails``.

    In domain ``pages`` the messages are English themselves, so that there is no catalogue of English.
    """
    name = locale if locale in LOCALES else LOCALES[0]
    catalogue = resources.files("solaris_hooks").joinpath(f"locale/{name}/LC_MESSAGES/{domain}.po")
    if domain == "pages" and not catalogue.is_file():
        return NullTranslations()
    compiled = BytesIO()
    with catalogue.open("rb") as source:
        write_mo(compiled, read_po(source, locale=name))
    compiled.seek(0)
    return Translations(compiled, domain=domain)


def sentence(locale: str, key: str, **values: str) -> str:
    """A sentence in the locale's language, its ``%(name)s`` filled in.

    Args:
        locale: ``pt_BR`` or ``en``.
        key: the message id in the catalogues, e.g. ``refusal.exhausted``.
        values: what the placeholders stand for, already formatted.
    """
    return str(translations(locale).ugettext(key) % values)


def whole_number(locale: str, number: int) -> str:
    """A number as the locale writes it: 1.234.567 in Portuguese."""
    return str(format_decimal(number, locale=_babel(locale)))


def money(locale: str, amount: Decimal, currency: str) -> str:
    """An amount of money as the locale writes it: R$ 29,90 in Portuguese.

    Args:
        locale: ``pt_BR`` or ``en``.
        amount: exact.
        currency: ISO 4217, such as ``BRL``.
    """
    return str(format_currency(amount, currency, locale=_babel(locale)))


def day(locale: str, instant: dt.datetime, time_zone: str) -> str:
    """The local day of an instant as the locale writes it: 01/12/2026 in Portuguese."""
    return str(
        format_date(
            instant.astimezone(ZoneInfo(time_zone)).date(),
            format="short" if locale == "pt_BR" else "long",
            locale=_babel(locale),
        )
    )


def day_and_month(locale: str, date: dt.date) -> str:
    """A day of this year as the locale writes it: 01/12 in Portuguese."""
    return str(format_skeleton("MMdd" if locale == "pt_BR" else "MMMd", date, locale=_babel(locale)))


def _babel(locale: str) -> str:
    return locale if locale in LOCALES else LOCALES[0]
