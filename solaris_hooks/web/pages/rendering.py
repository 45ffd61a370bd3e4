"""Templates to pages: sentences, numbers and days as the account's language has them, and headers against scripts."""

from __future__ import annotations

import datetime as dt
from functools import partial

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from solaris_hooks.messages import LOCALES, day, day_and_month, sentence, whole_number

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}

_TEMPLATES = Environment(
    loader=PackageLoader("solaris_hooks.web"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(
    template: str,
    locale: str,
    *,
    status: int = 200,
    time_zone: str = "UTC",
    root: str = "",
    **values: object,
) -> HTMLResponse:
    """A page.

    Args:
        template: name of the file under ``templates/``.
        locale: the reader's language.
        status: of the answer.
        time_zone: IANA name of the zone in which the reader's days begin.
        root: what the proxy's own paths begin with.
        values: what the template shows.
    """
    known = locale if locale in LOCALES else LOCALES[0]

    def on(instant: dt.datetime) -> str:
        """The reader's day of an instant."""
        return day(known, instant, time_zone)

    text = _TEMPLATES.get_template(template).render(
        t=partial(sentence, known),
        number=partial(whole_number, known),
        on=on,
        short=partial(day_and_month, known),
        language=known.replace("_", "-"),
        root=root,
        **values,
    )
    return HTMLResponse(text, status, HEADERS)
