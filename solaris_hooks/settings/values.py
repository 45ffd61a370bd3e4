"""Values of settings that are more than their type, each with its check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator

from solaris_hooks.messages import LOCALES
from solaris_hooks.quota.checks import checked_anchor_day, checked_time_zone
from solaris_hooks.quota.errors import InvalidRequestError

T = TypeVar("T")


def _plainly(check: Callable[[T], object], value: T) -> T:
    try:
        check(value)
    except InvalidRequestError as exc:
        raise ValueError(exc.message) from exc
    return value


def _known_time_zone(value: str) -> str:
    return _plainly(checked_time_zone, value)


def _day_of_a_month(value: int) -> int:
    return _plainly(checked_anchor_day, value)


def _web_address(value: str) -> str:
    if not value:
        return value
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an address such as https://proxy.example.com")
    return value.rstrip("/")


def _known_locale(value: str) -> str:
    if value not in LOCALES:
        raise ValueError(f"must be one of {', '.join(LOCALES)}")
    return value


def _domains(value: dict[str, str]) -> dict[str, str]:
    for domain in value:
        if not domain or not set(domain).isdisjoint("@ /*"):
            raise ValueError(f'"{domain}" is no domain; write the part after the @, such as example.org')
    return value


TimeZone = Annotated[str, AfterValidator(_known_time_zone)]
AnchorDay = Annotated[int, AfterValidator(_day_of_a_month)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
Locale = Annotated[str, AfterValidator(_known_locale)]
PlanByDomain = Annotated[dict[str, str], AfterValidator(_domains)]
