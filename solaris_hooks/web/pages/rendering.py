"""Templates to pages: sentences, numbers and days as the reader's language has them; headers against foreign scripts.

What the chat says, too, has a key (``t("chat.credits")``, catalogue ``solaris``). What pages alone say stands there in
English (``_("Sign in")``, catalogue ``pages``), so that only Portuguese needs a catalogue.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import cache, partial
from urllib.parse import quote
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_skeleton, format_timedelta
from babel.numbers import format_compact_decimal, format_decimal, format_percent
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from solaris_hooks.messages import LOCALES, day, day_and_month, money, sentence, translations, whole_number

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors {framed_by}"
)
HEADERS = {
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def page(
    template: str,
    locale: str,
    *,
    status: int = 200,
    time_zone: str = "UTC",
    root: str = "",
    theme: str = "auto",
    framed: bool = False,
    **values: object,
) -> HTMLResponse:
    """A page.

    Args:
        template: name of the file under ``templates/``.
        locale: the reader's language.
        status: of the answer.
        time_zone: IANA name of the zone in which the reader's days begin.
        root: what the proxy's own paths begin with.
        theme: ``light``, ``dark`` or ``auto``.
        framed: whether pages of the same origin, such as LiteLLM's admin UI, may show it in a frame.
        values: what the template shows.
    """
    known = locale if locale in LOCALES else LOCALES[0]
    text = (
        _environment(known).get_template(template).render(**_words(known, time_zone), root=root, theme=theme, **values)
    )
    headers = {
        **HEADERS,
        "content-security-policy": _POLICY.format(framed_by="'self'" if framed else "'none'"),
        "x-frame-options": "SAMEORIGIN" if framed else "DENY",
    }
    return HTMLResponse(text, status, headers)


@cache
def _environment(locale: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("solaris_hooks.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    environment.filters["segment"] = partial(quote, safe="")
    # Added by the extension, at run time alone.
    environment.install_gettext_translations(translations(locale, "pages"), newstyle=True)  # type: ignore[attr-defined]
    return environment


def _words(locale: str, time_zone: str) -> dict[str, object]:
    """What every template can say."""
    zone = ZoneInfo(time_zone)

    def on(instant: dt.datetime) -> str:
        """The reader's day of an instant."""
        return day(locale, instant, time_zone)

    def at(instant: dt.datetime) -> str:
        """The reader's day and minute of an instant."""
        return str(format_datetime(instant, "short", tzinfo=zone, locale=locale))

    def moment(instant: dt.datetime) -> str:
        """The reader's time of an instant, to the second."""
        return str(format_datetime(instant, "medium", tzinfo=zone, locale=locale))

    def hour(instant: dt.datetime) -> str:
        """The reader's day of the week and hour of an instant."""
        return str(format_skeleton("EHm", instant, tzinfo=zone, locale=locale))

    def month(date: dt.date) -> str:
        """A month as the reader's language writes it."""
        return str(format_skeleton("yMMM", date, locale=locale))

    def local_day(instant: dt.datetime) -> dt.date:
        """The reader's day of an instant, to be written otherwise."""
        return instant.astimezone(zone).date()

    def ago(instant: dt.datetime) -> str:
        """How long ago an instant was, roughly."""
        return str(format_timedelta(instant - dt.datetime.now(dt.UTC), add_direction=True, locale=locale))

    def percent(share: Decimal | float) -> str:
        """A share of one, in percent with at most one decimal."""
        return str(format_percent(share, "#,##0.#%", locale=locale))

    return {
        "t": partial(sentence, locale),
        "number": partial(whole_number, locale),
        "compact": lambda number: str(format_compact_decimal(number, fraction_digits=1, locale=locale)),
        "decimal": lambda number: str(format_decimal(number, "#,##0.0", locale=locale)),
        "money": partial(money, locale),
        "percent": percent,
        "on": on,
        "at": at,
        "ago": ago,
        "moment": moment,
        "hour": hour,
        "month": month,
        "local_day": local_day,
        "calendar_day": lambda date: str(format_date(date, "medium", locale=locale)),
        "short": partial(day_and_month, locale),
        "language": locale.replace("_", "-"),
        "locale": locale,
        "time_zone": time_zone,
    }
