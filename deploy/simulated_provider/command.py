"""The provider's process: its command line, its one line when ready, its end."""

import argparse
import logging
import signal
import socket
import sys
from types import FrameType

import uvicorn

from .app import build_app

_GRACE_SECONDS = 10
_KEEP_ALIVE_SECONDS = 75  # longer than clients keep idle connections, so that none is cut in use
_CUT_ANSWER = "ASGI callable returned without completing response."


class _Server(uvicorn.Server):
    """A server that says on standard output, once, where it can be reached."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the port, then print the line that whoever started it waits for."""
        await super().startup(sockets=sockets)
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        sys.stdout.write(f"simulated provider ready on http://{shown}:{port}/v1\n")
        sys.stdout.flush()


def _is_news(record: logging.LogRecord) -> bool:
    # An answer that breaks off is what `die_after_chunks` asks for, not a fault.
    return record.msg != _CUT_ANSWER


def _leave(_signal: int, _frame: FrameType | None) -> None:
    # uvicorn repeats the signal once it has finished: the end of the process is a success.
    sys.exit(0)


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; what is under way gets ten seconds to finish.

    Args:
        arguments: the command line, without the program's name; ``sys.argv`` by default.
    """
    parser = argparse.ArgumentParser(
        prog="simulated_provider", description="A simulated LLM provider with exact usage."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port; 0 takes a free one")
    parser.add_argument("--model", action="append", help="a name for /v1/models; may be repeated")
    parser.add_argument("--access-log", action="store_true", help="log every request")
    options = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    config = uvicorn.Config(
        build_app(tuple(options.model or ("simulated",))),
        host=options.host,
        port=options.port,
        access_log=options.access_log,
        log_level="info" if options.access_log else "warning",
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # a broken form is its client's to hear of
    _Server(config).run()
