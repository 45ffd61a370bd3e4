"""The stock LiteLLM proxy and the simulated provider, as processes."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import httpx

from .checkout import ROOT, VENV_BIN, VENV_PYTHON, say
from .errors import LocalError
from .ports import LOOPBACK, free_port, is_free
from .processes import Service, last_lines, noted_pid, start, wait_until
from .providers import SIMULATED_URL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from .providers import ConfiguredModels
    from .state import State

PROXY = "LiteLLM"
PROVIDER = "the simulated provider"
_PROVIDER_PORT = "the simulated provider-port"
READY_SECONDS = 240.0
_STOP_SECONDS = 40.0
_PROBE_SECONDS = 5.0


def start_proxy(
    *,
    config: Path,
    host: str,
    port: int,
    env: Mapping[str, str],
    log: Path,
    state: State | None = None,
    options: Sequence[str] = (),
) -> Service:
    """Start `litellm --config ... --port ...`, unmodified, with more options of its command line if any are given."""
    argv = [str(VENV_BIN / "litellm"), "--config", str(config), "--host", host, "--port", str(port), *options]
    return start(PROXY, argv, env={**os.environ, **env}, log=log, cwd=ROOT, state=state, stop_seconds=_STOP_SECONDS)


def ensure_provider(state: State, models: ConfiguredModels) -> tuple[str | None, Service | None]:
    """Start the provider that answers without the internet, where the config's demo models need it.

    Returns:
        Its URL, or None where it is not needed because there is a real provider's key; and the process, or None where
        it is not needed or ran already.

    Raises:
        LocalError: it does not start.

    """
    if not models.simulated or models.has_key(os.environ) or os.environ.get(SIMULATED_URL):
        return None, None
    noted_port = state.noted(_PROVIDER_PORT).get("port")
    if isinstance(noted_port, int) and noted_pid(state, PROVIDER) is not None:
        return f"http://{LOOPBACK}:{noted_port}/v1", None
    say("no provider key in the environment: the demo models answer from a simulated provider")
    port = noted_port if isinstance(noted_port, int) and is_free(noted_port) else free_port()
    service = start_provider(port=port, log=state.log("provider"), state=state)
    try:
        wait_ready(service, f"http://{LOOPBACK}:{port}/healthz", seconds=60)
    except BaseException:
        service.stop()
        raise
    state.note(_PROVIDER_PORT, {"port": port})
    return f"http://{LOOPBACK}:{port}/v1", service


def start_provider(*, port: int, log: Path, state: State | None = None) -> Service:
    """Start the simulated provider."""
    argv = [str(VENV_PYTHON), "-m", "deploy.simulated_provider", "--host", LOOPBACK, "--port", str(port)]
    return start(PROVIDER, argv, env=os.environ, log=log, cwd=ROOT, state=state, stop_seconds=15)


def wait_ready(
    service: Service, url: str, *, seconds: float = READY_SECONDS, stopping: Callable[[], bool] = lambda: False
) -> float:
    """Wait until a URL of a service answers 200 and return how long that took, in seconds.

    Args:
        service: the process.
        url: what to ask.
        seconds: how long to wait at most.
        stopping: says that somebody no longer wants it.

    Raises:
        LocalError: it ended, or did not answer in time; the end of its log has been printed.

    """
    began = time.monotonic()

    def answered() -> bool:
        if service.ended or stopping():
            return True
        try:
            return httpx.get(url, timeout=_PROBE_SECONDS, trust_env=False).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    in_time = wait_until(answered, seconds)
    if service.ended and not stopping():
        say(last_lines(service.log))
        raise service.died()
    if not in_time:
        say(last_lines(service.log))
        raise LocalError(f"{service.name} did not answer within {seconds:.0f} s", f"see {service.log}")
    return time.monotonic() - began
