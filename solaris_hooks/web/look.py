"""How somebody's pages look: language, days and colours, by his own choice, else by what his browser says."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from solaris_hooks.messages import LOCALES
from solaris_hooks.web.paths import root_of

LANGUAGE_COOKIE = "solaris_language"
THEME_COOKIE = "solaris_theme"
THEMES = ("auto", "light", "dark")

_YEAR_SECONDS = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Look:
    """How somebody's pages look: his language, his days, his colours.

    Attributes:
        locale: ``pt_BR`` or ``en``.
        time_zone: IANA name of the zone in which days begin.
        theme: ``light``, ``dark`` or ``auto`` (as the browser says).
    """

    locale: str
    time_zone: str
    theme: str = "auto"


def look_of(request: Request, *, locale: str, time_zone: str) -> Look:
    """How pages look to whoever asks.

    Args:
        request: with the cookies of his choice, if he has chosen.
        locale: for readers whose browser says no language that we know.
        time_zone: IANA name of the zone in which his days begin.
    """
    return Look(
        locale=chosen_language(request) or _spoken(request.headers.get("accept-language", ""), locale),
        time_zone=time_zone,
        theme=theme_of(request),
    )


def chosen_language(request: Request) -> str | None:
    """The language that a browser was told to keep to; None where it was told nothing."""
    said = request.cookies.get(LANGUAGE_COOKIE, "")
    return said if said in LOCALES else None


def theme_of(request: Request) -> str:
    """The colours that a browser was told to keep to; ``auto`` where it was told nothing."""
    said = request.cookies.get(THEME_COOKIE, "")
    return said if said in THEMES else THEMES[0]


def keep_look(response: Response, request: Request, form: FormData, *, secure: bool) -> None:
    """Let a browser remember the language and the colours that a form says; anything else is left out."""
    for name, cookie, allowed in (("language", LANGUAGE_COOKIE, LOCALES), ("theme", THEME_COOKIE, THEMES)):
        said = form.get(name)
        if said in allowed:
            response.set_cookie(
                cookie,
                str(said),
                max_age=_YEAR_SECONDS,
                path=root_of(request),
                secure=secure,
                httponly=True,
                samesite="strict",
            )


def _spoken(accepted: str, default: str) -> str:
    """The first language of a browser that we have."""
    for each in accepted.split(","):
        name = each.split(";")[0].strip().lower()
        if name.startswith("pt"):
            return "pt_BR"
        if name.startswith("en"):
            return "en"
    return default
