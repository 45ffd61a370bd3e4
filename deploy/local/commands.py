"""The commands behind the Makefile, one function each."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from .checkout import say
from .database import require_usable
from .demo import run_demo
from .environment import as_exports, proxy_environment
from .options import Options
from .postgres import start_postgres
from .providers import read_models
from .proxy import ensure_provider
from .state import State
from .up import detach, run_in_foreground, take_down

if TYPE_CHECKING:
    from collections.abc import Callable


def _open() -> tuple[Options, State]:
    options = Options.read(os.environ)
    return options, State.open(options.state_dir)


def up() -> int:
    """Start everything, in the foreground or (DETACH=1) in the background."""
    options, state = _open()
    return (detach if options.detach else run_in_foreground)(options, state)


def supervise() -> int:
    """Be the background process that DETACH=1 starts."""
    return run_in_foreground(*_open())


def down() -> int:
    """Stop what runs in STATE_DIR."""
    _, state = _open()
    return take_down(state)


def db() -> int:
    """Start the embedded PostgreSQL alone and print its URL."""
    options, state = _open()
    sys.stdout.write(_database_url(options, state) + "\n")
    return 0


def env() -> int:
    """Print the environment for running `litellm` by hand."""
    options, state = _open()
    database_url = _database_url(options, state)
    provider_url, provider = ensure_provider(state, read_models(options.config))
    if provider is not None:
        say("started the simulated provider; `make down` stops it")
    variables = proxy_environment(
        database_url=database_url,
        master_key=options.master_key or state.secret_or_new("master-key", prefix="sk-")[0],
        salt_key=options.salt_key or state.secret_or_new("salt-key", prefix="sk-")[0],
        provider_url=provider_url,
    )
    sys.stdout.write(as_exports(variables) + "\n")
    return 0


def demo() -> int:
    """Run the narrated demonstration."""
    return run_demo()


def _database_url(options: Options, state: State) -> str:
    if options.database_url is not None:
        require_usable(options.database_url)
        return options.database_url
    with state.lock():
        server = start_postgres(state)
    if server.service is not None:
        say("started the embedded PostgreSQL; `make down` stops it")
    return server.url()


COMMANDS: dict[str, Callable[[], int]] = {
    "up": up,
    "supervise": supervise,
    "down": down,
    "db": db,
    "env": env,
    "demo": demo,
}
