"""What templates of mails speak of: figures, numbers and days as the reader's language writes them."""

from __future__ import annotations

import datetime as dt
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_percent

from solaris_hooks.alerts.delivery import Audience, Delivery
from solaris_hooks.ledger.event import Event
from solaris_hooks.messages import LOCALES, translations, whole_number

WARNING_PERCENT = 80
CRITICAL_PERCENT = 95


@dataclass(frozen=True, slots=True)
class Figures:
    """An account's figures at the moment of an event. Tokens are booked tokens.

    Attributes:
        used: in the period, of allowance and credits, what is owed included.
        percent: use in whole percent of what was granted.
        period_end: when the next period begins.
    """

    plan: str
    granted: int
    used: int
    remaining: int
    credits: int
    overage: int
    percent: int
    period_start: dt.datetime
    period_end: dt.datetime

    @classmethod
    def of(cls, event: Event) -> Figures | None:
        """The figures that an event carries; None where it is about no account."""
        found: dict[str, Any] = {name: event.details.get(name) for name in cls.__slots__}
        if None in found.values():
            return None
        times = {name: dt.datetime.fromisoformat(found[name]) for name in ("period_start", "period_end")}
        return cls(**{**found, **times})

    @property
    def state(self) -> str:
        """How near the limit: ``normal``, ``warning`` or ``critical``."""
        if self.percent >= CRITICAL_PERCENT:
            return "critical"
        return "warning" if self.percent >= WARNING_PERCENT else "normal"


class Words:
    """Sentences, numbers and times for one reader."""

    def __init__(self, locale: str, time_zone: str) -> None:
        """Keep who reads."""
        self.locale = locale if locale in LOCALES else LOCALES[0]
        self._zone = ZoneInfo(time_zone)

    def t(self, key: str, **values: object) -> str:
        """A sentence of the catalogue ``mails``.

        Raises:
            KeyError: there is no such sentence, or a value of it is missing.
        """
        found = str(translations(self.locale, "mails").ugettext(key))
        if found == key:
            raise KeyError(f"there is no sentence {key!r}")
        return found % values

    def number(self, value: int) -> str:
        """A number, its thousands separated."""
        return whole_number(self.locale, value)

    def percent(self, value: int) -> str:
        """Whole percent."""
        return str(format_percent(Decimal(value) / 100, locale=self.locale))

    def money(self, amount: str, currency: str) -> str:
        """An amount of money, from its decimal figures; ``currency`` as of ISO 4217."""
        return str(format_currency(Decimal(amount), currency, locale=self.locale))

    def day(self, value: dt.datetime | dt.date | str) -> str:
        """A local day; of a time, the day on which it is in the reader's zone."""
        time = _time(value)
        local = time.astimezone(self._zone).date() if isinstance(time, dt.datetime) else time
        return str(format_date(local, format="long", locale=self.locale))

    def moment(self, value: dt.datetime | str) -> str:
        """A local day and time."""
        return str(format_datetime(_time(value), format="short", tzinfo=self._zone, locale=self.locale))

    def month(self, value: str) -> str:
        """A month, from ``2026-11``."""
        first = dt.date.fromisoformat(f"{value}-01")
        pattern = "MMMM 'de' y" if self.locale == "pt_BR" else "MMMM y"
        return str(format_date(first, format=pattern, locale=self.locale))

    def lines(self, records: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[list[str]]:
        """Lines of a table.

        Args:
            records: one for each line.
            columns: a field of theirs, as ``tokens``; with how it is written, as ``number:tokens``; or the first
                of several that says anything, as ``name or account``.
        """
        return [[self._cell(record, column) for column in columns] for record in records]

    def _cell(self, record: Mapping[str, Any], column: str) -> str:
        how, _, fields = column.rpartition(":")
        value: Any = next((record[field] for field in fields.split(" or ") if record[field] is not None), "")
        match how:
            case "":
                return str(value)
            case "number":
                return self.number(value)
            case "percent":
                return self.percent(value)
            case "day":
                return self.day(value)
            case _:
                raise ValueError(f"a column cannot be written as {how!r}")


def words_of(
    delivery: Delivery,
    *,
    brand: str,
    public_url: str,
    projection: dt.date | None,
    projected: bool,
    attached: bool,
) -> dict[str, object]:
    """Everything that a template may name.

    Args:
        delivery: what is told, and to whom.
        brand: whom mails come from.
        public_url: where the proxy is; empty where nobody said.
        projection: the day on which the balance will be used up; None where it lasts.
        projected: whether ``projection`` is known at all.
        attached: whether the file that the event is about goes with the mail.
    """
    words = Words(delivery.locale, delivery.time_zone)
    event = delivery.event
    return {
        "t": words.t,
        "number": words.number,
        "percent": words.percent,
        "money": words.money,
        "day": words.day,
        "moment": words.moment,
        "month": words.month,
        "lines": words.lines,
        "shell": shlex.quote,
        "lang": words.locale.replace("_", "-"),
        "brand": brand,
        "audience": delivery.audience.value,
        "kind": event.kind.value,
        "name": delivery.name,
        "account": event.account_id,
        "at": event.at,
        "details": dict(event.details),
        "figures": Figures.of(event),
        "others": [_other(words, each, delivery.audience) for each in delivery.others],
        "projection": projection,
        "projected": projected,
        "statement_url": f"{public_url}/solaris/me" if public_url else None,
        "admin_url": f"{public_url}/solaris/admin" if public_url else None,
        "attached": attached,
    }


def _other(words: Words, event: Event, audience: Audience) -> tuple[str, str]:
    """What else a mail tells, in a line: what happened, and when."""
    tokens = event.details.get("tokens")
    parts = [
        words.t(f"kind.{event.kind.value}"),
        event.account_id if audience is Audience.ADMINISTRATOR else None,
        words.number(tokens) if isinstance(tokens, int) else None,
    ]
    return ", ".join(part for part in parts if part), words.moment(event.at)


def _time(value: dt.datetime | dt.date | str) -> dt.datetime | dt.date:
    if not isinstance(value, str):
        return value
    return dt.datetime.fromisoformat(value) if "T" in value else dt.date.fromisoformat(value)
