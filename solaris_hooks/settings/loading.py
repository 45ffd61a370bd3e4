"""Settings read from LiteLLM's config file and the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from solaris_hooks.quota.errors import SettingsError
from solaris_hooks.settings.settings import Settings

SECTION = "solaris_settings"


def load_settings(config_path: Path | None = None) -> Settings:
    """Read and check all settings.

    Args:
        config_path: LiteLLM's config file; None where there is none (environment and defaults alone).

    Raises:
        SettingsError: a value is wrong or a name is unknown; the message names each and what it takes.
    """
    section = _section(config_path) if config_path is not None else {}
    for name in ("database_url", "litellm_database_url"):  # their defaults are looked up, too
        section.setdefault(name, "")
    try:
        return Settings(**section)
    except ValidationError as exc:
        raise SettingsError(_explained(exc)) from exc


def _section(config_path: Path) -> dict[str, Any]:
    try:
        config = yaml.safe_load(config_path.read_text("utf-8")) or {}
    except FileNotFoundError as exc:
        raise SettingsError(f"There is no config file {config_path}; give the path of LiteLLM's config.") from exc
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        raise SettingsError(f"The config file {config_path} cannot be read: {exc}") from exc
    section = config.get(SECTION) if isinstance(config, dict) else None
    if section is None:
        return {}
    if not isinstance(section, dict) or not all(isinstance(name, str) for name in section):
        raise SettingsError(f"{SECTION} in {config_path} must be a list of `name: value` lines.")
    return {name: _from_environment(name, value) for name, value in section.items()}


def _from_environment(name: str, value: object) -> object:
    if isinstance(value, dict):
        return {inner: _from_environment(f"{name}.{inner}", each) for inner, each in value.items()}
    if isinstance(value, list):
        return [_from_environment(f"{name}.{position}", each) for position, each in enumerate(value)]
    if not isinstance(value, str) or not value.startswith("os.environ/"):
        return value
    variable = value.removeprefix("os.environ/")
    if variable not in os.environ:
        raise SettingsError(f"{SECTION}.{name} reads the environment variable {variable}, which is not set.")
    return os.environ[variable]


def _explained(error: ValidationError) -> str:
    lines = []
    for each in error.errors(include_url=False, include_input=False):
        name = ".".join(str(part) for part in each["loc"])
        if each["type"] == "extra_forbidden":
            lines.append(f"{SECTION}.{name}: there is no such setting; see the settings table in the README.")
        else:
            variable = f"SOLARIS_{str(each['loc'][0]).upper()}"
            lines.append(f"{SECTION}.{name} (or {variable}): {each['msg'].removeprefix('Value error, ')}")
    return "\n".join(lines)
