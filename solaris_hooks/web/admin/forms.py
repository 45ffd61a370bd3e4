"""What people type into forms: read with patience, and what is wrong with it kept beside its field."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from solaris_hooks.web.admin.visit import Visit

_WHOLE = re.compile(r"\d+|\d{1,3}(?:[.,' \u00a0\u202f]\d{3})+", re.ASCII)
"""Digits, also in groups of three, however the writer's language separates them."""

_MOST_DIGITS = 20
_UNSEEN = {"Cc", "Cs", "Zl", "Zp"}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a field: a key of ``fields.html``, or, where that has none, a sentence in English.

    Attributes:
        least: of a number that is out of its range.
        most: the same.
    """

    key: str
    least: int = 0
    most: int = 0


@dataclass(slots=True)
class Form:
    """A form that was sent, or that is empty yet; of a form that only asks, what stands in the address.

    Attributes:
        problems: by name of field.
    """

    visit: Visit
    problems: dict[str, Problem] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether nothing is wrong so far."""
        return not self.problems

    def typed(self, name: str, otherwise: object = "") -> str:
        """What stands in a field: what was typed, or what the page says where nothing was sent yet."""
        said = (self.visit.form or self.visit.request.query_params).get(name)
        return said if isinstance(said, str) else "" if otherwise is None else str(otherwise)

    def chosen(self, name: str, otherwise: object = False) -> bool:  # noqa: FBT002 - a template calls it
        """Whether a box is ticked."""
        return bool(self.visit.form.get(name)) if self.visit.form else bool(otherwise)

    def wrong(self, name: str, key: str, *, least: int = 0, most: int = 0) -> None:
        """Note what is wrong with a field; the first thing stays."""
        self.problems.setdefault(name, Problem(key, least, most))

    def text(self, name: str, *, required: bool = False, longest: int = 500) -> str | None:
        """A line of text without characters that nobody sees; None where there is none."""
        seen = "".join(" " if unicodedata.category(each) in _UNSEEN else each for each in self.typed(name))
        line = " ".join(seen.split())
        if len(line) > longest:
            self.wrong(name, "long", most=longest)
        if not line and required:
            self.wrong(name, "missing")
        return line or None

    def whole(self, name: str, *, least: int, most: int, required: bool = False) -> int | None:
        """A whole number; None where there is none, or none that can be."""
        typed = self.typed(name).strip()
        if not typed:
            if required:
                self.wrong(name, "missing")
            return None
        digits = re.sub(r"\D", "", typed)
        if not _WHOLE.fullmatch(typed) or len(digits) > _MOST_DIGITS:
            self.wrong(name, "number")
            return None
        number = int(digits)
        if not least <= number <= most:
            self.wrong(name, "range", least=least, most=most)
        return number

    def day(self, name: str) -> dt.date | None:
        """A day, as the browser's own field sends it; None where there is none, or none that can be."""
        typed = self.typed(name).strip()
        if not typed:
            return None
        try:
            return dt.date.fromisoformat(typed)
        except ValueError:
            self.wrong(name, "day")
            return None

    def end_of_day(self, name: str, now: dt.datetime) -> dt.datetime | None:
        """The end of a day of the visitor's zone, which must not have passed; None for no day."""
        day = self.day(name)
        if day is None:
            return None
        try:
            end = start_of_day(day + dt.timedelta(days=1), self.visit.look.time_zone)
        except OverflowError:
            self.wrong(name, "day")
            return None
        if end <= now:
            self.wrong(name, "past")
        return end


def start_of_day(day: dt.date, time_zone: str) -> dt.datetime:
    """The first instant of a local day, UTC."""
    return dt.datetime.combine(day, dt.time(), ZoneInfo(time_zone)).astimezone(dt.UTC)
