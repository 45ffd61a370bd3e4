"""`make up`: start everything in order, say where it is, watch it, and stop it in the reverse order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .checkout import ROOT, VENV_PYTHON, say
from .database import require_usable
from .demo_key import demo_key
from .environment import proxy_environment
from .errors import LocalError
from .ports import require_free
from .postgres import NAME as POSTGRES
from .postgres import start_postgres
from .processes import Service, last_lines, note_self, noted_pid, stop_noted
from .providers import read_models
from .proxy import PROVIDER, PROXY, ensure_provider, start_proxy, wait_ready
from .welcome import Welcome

if TYPE_CHECKING:
    from types import FrameType

    from .options import Options
    from .state import State

SUPERVISOR = "up"
_WATCH_SECONDS = 0.5


@dataclass
class Running:
    """What this process started, in that order, and whether it has been asked to stop."""

    options: Options
    state: State
    services: list[Service] = field(default_factory=list)
    asked_to_stop: threading.Event = field(default_factory=threading.Event)

    def keep(self, service: Service | None) -> None:
        """Remember a service that was started, to watch it and to stop it."""
        if service is not None:
            self.services.append(service)

    def stop(self) -> None:
        """Stop everything, what was started last first: the proxy, the provider, PostgreSQL."""
        for service in reversed(self.services):
            say(f"stopping {service.name}")
            service.stop()
        self.services.clear()

    def watch(self) -> None:
        """Return when asked to stop.

        Raises:
            LocalError: a service ended by itself.

        """
        while not self.asked_to_stop.wait(_WATCH_SECONDS):
            for service in self.services:
                if service.ended:
                    say(last_lines(service.log))
                    raise service.died()


def run_in_foreground(options: Options, state: State) -> int:
    """Start everything, print where it is, and stay until Ctrl-C, SIGTERM or the death of a part.

    Raises:
        LocalError: something did not start, or ended by itself; the rest has been stopped.

    """
    with state.lock():
        already = noted_pid(state, SUPERVISOR)
        if already is not None:
            raise LocalError(
                f"it is already running (process {already})", "stop it with `make down`, or use another STATE_DIR"
            )
        _stop_leftovers(state)
        require_free(options.port, options.host)
        note_self(state, SUPERVISOR)
    running = Running(options, state)
    _on_signals(running)
    try:
        welcome = _start_all(running)
        if welcome is not None:
            welcome.show()
            state.note("ready", {"pid": os.getpid()})
            running.watch()
    finally:
        # A second Ctrl-C while things wind down would leave some of them behind.
        running.stop()
        state.forget("ready")
        state.forget(SUPERVISOR)
    say("stopped")
    return 0


def _on_signals(running: Running) -> None:
    def ask(_signal: int, _frame: FrameType | None) -> None:
        running.asked_to_stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ask)


def _stop_leftovers(state: State) -> None:
    """Stop a proxy that a killed run left behind; PostgreSQL and the provider serve the next run as they are."""
    if stop_noted(state, PROXY, seconds=30):
        say(f"stopped {PROXY}, left over from a run that was killed")


def _start_all(running: Running) -> Welcome | None:
    """Start the parts in order; return None where somebody asked to stop meanwhile."""
    options, state = running.options, running.state
    models = read_models(options.config)
    master_key, master_key_is_new = _master_key(options, state)
    salt_key = options.salt_key or state.secret_or_new("salt-key", prefix="sk-")[0]
    database_url = _database(running)
    provider_url, provider = ensure_provider(state, models)
    running.keep(provider)
    env = proxy_environment(
        database_url=database_url, master_key=master_key, salt_key=salt_key, provider_url=provider_url
    )
    if running.asked_to_stop.is_set():
        return None
    migrate({**os.environ, **env})
    say("starting LiteLLM (the first start also makes its tables)")
    proxy = start_proxy(
        config=options.config, host=options.host, port=options.port, env=env, log=state.log("litellm"), state=state
    )
    running.keep(proxy)
    here = "127.0.0.1" if options.host in ("0.0.0.0", "::") else options.host  # noqa: S104 - compared, not bound
    base_url = f"http://{here}:{options.port}"
    took = wait_ready(proxy, f"{base_url}/health/readiness", stopping=running.asked_to_stop.is_set)
    if running.asked_to_stop.is_set():
        return None
    say(f"LiteLLM is ready after {took:.0f} s")
    return Welcome(
        base_url=base_url,
        demo_key=demo_key(state, base_url, master_key),
        model=models.model_to_try(os.environ),
        simulated=provider_url is not None,
        database_url=database_url,
        state_dir=options.state_dir,
        new_master_key=master_key if master_key_is_new else None,
        detached=options.detach,
    )


def _master_key(options: Options, state: State) -> tuple[str, bool]:
    if options.master_key is not None:
        return options.master_key, False
    return state.secret_or_new("master-key", prefix="sk-")


def _database(running: Running) -> str:
    given = running.options.database_url
    if given is not None:
        require_usable(given)
        return given
    server = start_postgres(running.state)
    running.keep(server.service)
    if server.service is None:
        say("PostgreSQL was already running; it stays when this ends (`make down` stops it)")
    return server.url()


def migrate(env: dict[str, str]) -> None:
    """Bring the ledger's schema up to date; LiteLLM migrates its own when it starts.

    Raises:
        LocalError: a migration failed.

    """
    argv = [str(VENV_PYTHON), "-m", "solaris_hooks.cli.main", "migrate"]
    done = subprocess.run(
        argv, cwd=ROOT, env=env, text=True, capture_output=True, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode != 0:
        say(f"{done.stdout}{done.stderr}".strip())
        raise LocalError(
            "the ledger's migrations failed", "what they said is above; check the database and run the command again"
        )


def detach(options: Options, state: State) -> int:
    """Start the same in the background and return when the proxy is ready.

    Raises:
        LocalError: it did not start; its own message has been printed.

    """
    already = noted_pid(state, SUPERVISOR)
    if already is not None:
        say(f"it is already running (process {already}); `make down` stops it")
        return 0
    _stop_leftovers(state)
    require_free(options.port, options.host)
    log = state.log("up")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "supervise"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while process.poll() is None and state.noted("ready").get("pid") != process.pid:
            threading.Event().wait(_WATCH_SECONDS)
    except KeyboardInterrupt:
        process.send_signal(signal.SIGTERM)
        process.wait()
        raise
    sys.stdout.write(log.read_text())
    sys.stdout.flush()
    return 0 if process.poll() is None else 1


def take_down(state: State) -> int:
    """Stop what runs in a state folder; PostgreSQL too, whoever started it."""
    stopped = stop_noted(state, SUPERVISOR, seconds=120)
    for name in (PROXY, PROVIDER):
        stopped = stop_noted(state, name, seconds=30) or stopped
    stopped = stop_noted(state, POSTGRES, seconds=60) or stopped
    say("stopped" if stopped else f"nothing runs in {state.root}")
    return 0
