"""TCP ports on this machine."""

from __future__ import annotations

import socket

import psutil

from .errors import LocalError

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


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
