"""What people type into forms: read as they write it, and each problem told beside its field."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from zoneinfo import ZoneInfo

from solaris_hooks.quota.checks import MAX_TOKENS
from solaris_hooks.quota.errors import SolarisError
from solaris_hooks.web.admin.visit import Visit
from solaris_hooks.web.asgi import MAX_BODY_BYTES
from solaris_hooks.web.fields import MAX_MESSAGE, MAX_TEXT, is_plain

_GROUPED = re.compile(r"\d{1,3}(?:[ .,\u00a0\u202f]\d{3})+|\d+")


class Problem(StrEnum):
    """What can be wrong with a field; macro ``problem`` of ``parts.html`` says it."""

    MISSING = "missing"
    NO_NUMBER = "no_number"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    NO_DAY = "no_day"
    WRONG_ORDER = "wrong_order"
    TOO_MANY_DAYS = "too_many_days"
    PAST = "past"
    UNKNOWN = "unknown"
    TOO_LONG = "too_long"
    NOT_THE_SAME = "not_the_same"
    NO_ACCOUNT = "no_account"
    PLAN_ID = "plan_id"
    TAKEN = "taken"
    THRESHOLDS = "thresholds"
    PATTERNS = "patterns"
    TIME_ZONE = "time_zone"
    TRIAL_DAYS = "trial_days"
    TRIAL_THEN = "trial_then"
    WEIGHTS = "weights"


@dataclass(slots=True)
class Fields:
    """Reads the fields of a form, and collects what is wrong with them.

    Attributes:
        problems: by the name of the field.
        refused: what the books said against the whole form, in English.
    """

    visit: Visit
    problems: dict[str, Problem] = field(default_factory=dict)
    refused: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong so far."""
        return not self.problems and not self.refused

    def typed(self, name: str) -> str:
        """What was typed, for the page that shows it again; empty where there is no form."""
        return self.visit.text(name, longest=MAX_BODY_BYTES) if self.visit.form else ""

    def standing(self, name: str, otherwise: object = "") -> str:
        """What stands in a field: what was sent, even where that is nothing; else what the page says."""
        if name in self.visit.form:
            return self.typed(name)
        return "" if otherwise is None else str(otherwise)

    def ticked(self, name: str, *, otherwise: bool = False) -> bool:
        """Whether a box is ticked; in a form that was not sent yet, what the page says."""
        return name in self.visit.form if self.visit.form else otherwise

    def refuse(self, error: SolarisError) -> None:
        """Say what the books have against the form."""
        if error.status >= 500:  # noqa: PLR2004 - HTTP: nothing that the form's author could mend
            raise error
        self.refused = error.message

    def text(self, name: str, *, longest: int = MAX_TEXT, required: bool = True) -> str:
        """A line of text."""
        said = self.visit.text(name, longest=longest + 1)
        if not said and required:
            self.problems[name] = Problem.MISSING
        if len(said) > longest or not is_plain(said):
            self.problems[name] = Problem.TOO_LONG
        return said

    def lines(self, name: str, *, longest: int = MAX_MESSAGE) -> str:
        """Lines of text that must say something."""
        said = "\n".join(line.rstrip() for line in self.visit.text(name, longest=2 * longest).splitlines())
        if not said:
            self.problems[name] = Problem.MISSING
        elif len(said) > longest or not all(is_plain(line) for line in said.split("\n")):
            self.problems[name] = Problem.TOO_LONG
        return said

    def whole(self, name: str, *, least: int = 0, most: int = MAX_TOKENS, required: bool = True) -> int | None:
        """A whole number, with or without separators of thousands: ``500000``, ``500.000`` or ``500,000``."""
        said = self.visit.text(name, longest=60)
        if not said:
            if required:
                self.problems[name] = Problem.MISSING
            return None
        if not _GROUPED.fullmatch(said):
            self.problems[name] = Problem.NO_NUMBER
            return None
        number = int(re.sub(r"\D", "", said))
        if number < least:
            self.problems[name] = Problem.TOO_SMALL
        elif number > most:
            self.problems[name] = Problem.TOO_LARGE
        return number

    def choice(self, name: str, allowed: Collection[str], *, required: bool = True) -> str:
        """One of some values."""
        said = self.visit.text(name)
        if said not in allowed and (said or required):
            self.problems[name] = Problem.UNKNOWN if said else Problem.MISSING
        return said

    def day(self, name: str) -> dt.date | None:
        """A day as ``<input type="date">`` sends it; None where the field is empty."""
        said = self.visit.text(name)
        try:
            return dt.date.fromisoformat(said) if said else None
        except ValueError:
            self.problems[name] = Problem.NO_DAY
            return None

    def end_of_day(self, name: str, *, time_zone: str) -> dt.datetime | None:
        """The end of a day that is still to come, UTC; None where the field is empty.

        Args:
            name: of the field; a day as ``<input type="date">`` sends it.
            time_zone: IANA name of the zone in which the day is.
        """
        day = self.day(name)
        if day is None:
            return None
        try:
            end = start_of_day(day + dt.timedelta(days=1), time_zone)
        except OverflowError:
            self.problems[name] = Problem.NO_DAY
            return None
        if end <= dt.datetime.now(dt.UTC):
            self.problems[name] = Problem.PAST
        return end

    def same(self, name: str, as_this: str) -> None:
        """Have something typed again, so that nobody does by a slip what cannot be undone."""
        if self.visit.text(name) != as_this:
            self.problems[name] = Problem.NOT_THE_SAME


def start_of_day(day: dt.date, time_zone: str) -> dt.datetime:
    """The first instant of a local day, UTC."""
    return dt.datetime.combine(day, dt.time(), ZoneInfo(time_zone)).astimezone(dt.UTC)
