"""What a person can set, from environment variables; each wrong value gets a line that says what to write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .checkout import DEFAULT_CONFIG, DEFAULT_STATE, from_root
from .errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SHORTEST_MASTER_KEY = 20
_FEWEST_DIFFERENT_CHARACTERS = 8
_HIGHEST_PORT = 65535


@dataclass(frozen=True)
class Options:
    """The settings of `make up` and its kin."""

    host: str
    port: int
    config: Path
    state_dir: Path
    detach: bool
    database_url: str | None
    """A server of the user's own; None for the embedded one."""
    master_key: str | None
    """The proxy's administrator key; None to make one and keep it."""
    salt_key: str | None
    """What LiteLLM encrypts stored credentials with; None to make one and keep it."""

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Options:
        """Read and check the settings.

        Raises:
            LocalError: a value will not do.

        """
        config = from_root(environment.get("CONFIG") or DEFAULT_CONFIG)
        if not config.is_file():
            raise LocalError(
                f"the LiteLLM config file {config} does not exist", "name one with CONFIG=path/to/config.yaml"
            )
        return cls(
            host=environment.get("HOST") or "127.0.0.1",
            port=port_number(environment.get("PORT") or "4000"),
            config=config,
            state_dir=from_root(environment.get("STATE_DIR") or DEFAULT_STATE),
            detach=(environment.get("DETACH") or "0").lower() in ("1", "true", "yes"),
            database_url=database_url(environment.get("DATABASE_URL")),
            master_key=master_key(environment.get("LITELLM_MASTER_KEY")),
            salt_key=environment.get("LITELLM_SALT_KEY") or None,
        )


def port_number(text: str) -> int:
    """Return a TCP port."""
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _HIGHEST_PORT):
        raise LocalError(f"PORT is {text!r}", f"write a number from 1 to {_HIGHEST_PORT}, such as PORT=4000")
    return int(text)


def database_url(text: str | None) -> str | None:
    """Return a PostgreSQL URL, or None where none was given."""
    if not text:
        return None
    if not text.startswith(("postgresql://", "postgres://")):
        raise LocalError(
            "DATABASE_URL does not name a PostgreSQL server",
            "write DATABASE_URL=postgresql://user:password@host:5432/database",
        )
    return text


def master_key(text: str | None) -> str | None:
    """Return a master key that nobody guesses, or None where none was given."""
    if not text:
        return None
    remedy = (
        "leave LITELLM_MASTER_KEY unset to have one made and kept, or make one with `echo sk-$(openssl rand -hex 24)`"
    )
    if not text.startswith("sk-"):
        raise LocalError("LITELLM_MASTER_KEY does not start with sk-, as LiteLLM wants it", remedy)
    if len(text) < SHORTEST_MASTER_KEY or len(set(text)) < _FEWEST_DIFFERENT_CHARACTERS:
        raise LocalError(
            f"LITELLM_MASTER_KEY is weak (it takes at least {SHORTEST_MASTER_KEY} varied characters)", remedy
        )
    return text
