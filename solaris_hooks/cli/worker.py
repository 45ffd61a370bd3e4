"""``solaris worker``: does what the proxies' workers do, in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from typing import Annotated

import typer

from solaris_hooks.cli import runtime


def worker(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Do what is due now, then end.")] = False,
) -> None:
    """Make deliveries of events, send them, and do what is due, until SIGTERM or Ctrl-C.

    For installations whose proxies have `alerts: {worker: "off"}`; start as many as you like.
    """
    _log_to_stderr()
    asyncio.run(_working(context, once=once))


async def _working(context: typer.Context, *, once: bool) -> None:
    using = runtime.settings(context.obj)
    async with runtime.open_worker(using) as opened:
        task = asyncio.create_task(opened.work_off() if once else opened.run())
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, task.cancel)
        logging.getLogger(__name__).info("the worker is ready")
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _log_to_stderr() -> None:
    """A process that runs for months says what it does; other commands say only their result."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    log = logging.getLogger("solaris_hooks")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
