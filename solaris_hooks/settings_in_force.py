"""All settings as they are in force, for people to read: value, default and where each comes from; never a secret."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from solaris_hooks.database_url import DatabaseUrlError, libpq_url
from solaris_hooks.settings import Settings

PREFIX = "SOLARIS_"
LITELLM_URL = "DATABASE_URL"
HIDDEN = "•••"
"""Stands for a secret that is set."""

_URLS = frozenset({"database_url", "litellm_database_url", "public_url"})


class Origin(StrEnum):
    """Where a setting comes from."""

    ENVIRONMENT = "environment"
    """Of its own variable."""
    LITELLM = "litellm"
    """The variable ``DATABASE_URL``, which LiteLLM reads."""
    FILE = "file"
    """LiteLLM's config file."""
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class SettingInForce:
    """One setting.

    Attributes:
        name: with dots within sections, such as ``mail.host``.
        value: as text, "" for nothing; of a secret only whether it is set.
        default: as text; None where it must be set.
        description: in English, as the settings table has it.
        variable: of the environment, that sets it or the section it is in.
        secret: whether the value is hidden.
    """

    name: str
    value: str
    default: str | None
    description: str
    origin: Origin
    variable: str
    secret: bool = False


def settings_in_force(settings: Settings, environ: Mapping[str, str]) -> list[SettingInForce]:
    """Every setting, in the order of the settings table.

    Args:
        settings: in force.
        environ: the environment that they were read in.
    """
    variables = {name.upper() for name, value in environ.items() if value}
    found: list[SettingInForce] = []
    for name, info in type(settings).model_fields.items():
        origin = _origin(name, settings, variables, environ)
        found += _shown(name, getattr(settings, name), info, origin, f"{PREFIX}{name.upper()}")
    return found


def _origin(name: str, settings: Settings, variables: set[str], environ: Mapping[str, str]) -> Origin:
    if f"{PREFIX}{name.upper()}" in variables:
        return Origin.ENVIRONMENT
    if name in {"database_url", "litellm_database_url"}:
        value = getattr(settings, name)
        if _same(environ.get(LITELLM_URL, ""), value):
            return Origin.LITELLM
        # Without any, LiteLLM's logs are looked for in the database of the books.
        return Origin.DEFAULT if name == "litellm_database_url" and value == settings.database_url else Origin.FILE
    return Origin.FILE if name in settings.model_fields_set else Origin.DEFAULT


def _same(url: str, value: str) -> bool:
    try:
        return libpq_url(url) == value
    except DatabaseUrlError:
        return False


def _shown(name: str, value: Any, info: FieldInfo, origin: Origin, variable: str) -> Iterator[SettingInForce]:
    """A setting, or those of a section or a list of sections."""
    if isinstance(value, BaseModel):
        for inner, inner_info in type(value).model_fields.items():
            given = Origin.DEFAULT if inner not in value.model_fields_set else origin
            yield from _shown(f"{name}.{inner}", getattr(value, inner), inner_info, given, variable)
        return
    if isinstance(value, tuple | list) and value and all(isinstance(each, BaseModel) for each in value):
        for position, each in enumerate(value):
            yield from _shown(f"{name}.{position}", each, info, origin, variable)
        return
    secret = info.repr is False or isinstance(value, SecretStr)
    yield SettingInForce(
        name=name,
        value=(HIDDEN if _said(value) else "") if secret else _said(value, name),
        default=_default(info, name),
        description=info.description or "",
        origin=origin,
        variable=variable,
        secret=secret,
    )


def _default(info: FieldInfo, name: str) -> str | None:
    if info.is_required():
        return None
    value = info.get_default(call_default_factory=True, validated_data={})
    return "" if isinstance(value, BaseModel) else _said(value, name)


def _said(value: Any, name: str = "") -> str:
    """A value as text."""
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return HIDDEN if value.get_secret_value() else ""
    plain = to_jsonable_python(value)
    if isinstance(plain, str):
        return without_password(plain) if name in _URLS else plain
    if isinstance(plain, list) and all(isinstance(each, str) for each in plain):
        return ", ".join(plain)
    return json.dumps(plain, ensure_ascii=False) if plain not in ({}, []) else ""


def without_password(url: str) -> str:
    """An address without the passwords in it: in front of the host, and among its parameters."""
    if not url:
        return url
    try:
        parts = urlsplit(url)
        user, at, host = parts.netloc.rpartition("@")
    except ValueError:
        return HIDDEN
    login = user.partition(":")[0] + (f":{HIDDEN}" if ":" in user else "")
    said = [_parameter(each) for each in parts.query.split("&")] if parts.query else []
    return f"{parts.scheme}://{login}{at}{host}{parts.path}" + (f"?{'&'.join(said)}" if said else "")


def _parameter(text: str) -> str:
    name, equals, _ = text.partition("=")
    plain = unquote(name).lower()
    return f"{name}{equals}{HIDDEN}" if "pass" in plain or "secret" in plain else text
