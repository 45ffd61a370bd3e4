"""TCP ports on this machine."""

from __future__ import annotations

import fcntl
import random
import socket
from typing import TextIO

import psutil

from .checkout import CACHE
from .errors import LocalError

LOOPBACK = "127.0.0.1"

_CHOICE = range(20_000, 32_000)
"""Below those that the system itself gives to connections, so that none of these is taken in between."""
_TRIES = 1000
_reserved: list[TextIO] = []
"""Held open for as long as this process lives."""


def free_port() -> int:
    """Return a port that nothing listens on now; no other process of this checkout gets it while this one lives.

    Raises:
        LocalError: none was found.

    """
    for port in random.sample(_CHOICE, _TRIES):
        if is_free(port) and _reserve(port):
            return port
    raise LocalError("no free port was found", f"see what listens on ports {_CHOICE.start} to {_CHOICE.stop - 1}")


def _reserve(port: int) -> bool:
    """Lock a port's file, which ends with this process; return False where another process, or this one, has it."""
    folder = CACHE / "ports"
    folder.mkdir(parents=True, exist_ok=True)
    handle = (folder / str(port)).open("w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return False
    _reserved.append(handle)
    return True


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Return whether a server could listen there now."""
    with socket.socket() as probe:
        # As servers do: a port whose last connections are only winding down counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def require_free(port: int, host: str) -> None:
    """Raise a LocalError that names the process that holds the port, where that can be known."""
    if is_free(port, host):
        return
    holder = _holder(port)
    raise LocalError(
        f"port {port} is taken{f' by {holder}' if holder else ''}",
        f"stop that process, or choose another port with PORT={port + 1}",
    )


def _holder(port: int) -> str | None:
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.Error:  # another user's processes are not ours to see
        return None
    for connection in connections:
        if (
            connection.status == psutil.CONN_LISTEN
            and connection.laddr
            and connection.laddr.port == port
            and connection.pid
        ):
            try:
                return f"process {connection.pid} ({psutil.Process(connection.pid).name()})"
            except psutil.Error:
                return f"process {connection.pid}"
    return None
