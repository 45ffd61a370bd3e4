"""A process that runs the plugin's hooks as LiteLLM does, without HTTP, and says how much memory it has.

``python -m tests.benchmarks.hooked FOLDER REQUESTS...``, with ``DATABASE_URL`` set. After each number of requests in
all, a line with that number and the kilobytes resident.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import uvloop
from litellm import ModelResponse
from litellm.proxy._types import UserAPIKeyAuth

from solaris_hooks.hooks import tokenizer
from solaris_hooks.hooks.handler import SolarisHandler
from solaris_hooks.ledger.migrations import books_id, migrate
from solaris_hooks.ledger.records import Plan
from solaris_hooks.plugin import build, open_journal
from solaris_hooks.settings import load_settings

from .contenders import AMPLE_TOKENS
from .proxy import MESSAGES

CLIENTS = 20
USERS = 2_000


class _LoggingObject:
    """Stands for LiteLLM's own object of a request, whose end the plugin notices."""


def resident_kilobytes() -> int:
    """Memory of this process that is in use, after what is garbage was collected."""
    gc.collect()
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


async def request(handler: SolarisHandler, number: int) -> None:
    """One chat, from the hook before the provider to the event after the answer."""
    auth = UserAPIKeyAuth(user_id=f"bench-{number % USERS}", api_key=f"{number % USERS:064x}")
    body: dict[str, Any] = {
        "model": "demo",
        "messages": [dict(message) for message in MESSAGES],
        "metadata": {},
        "litellm_logging_obj": _LoggingObject(),
        "proxy_server_request": {"headers": {"content-length": "5000"}},
    }
    answer = ModelResponse(
        model="demo",
        choices=[{"message": {"role": "assistant", "content": f"answer {number}"}, "finish_reason": "stop"}],
        usage={"prompt_tokens": 600, "completion_tokens": 40 + number % 300, "total_tokens": 640 + number % 300},
    )
    await handler.async_pre_call_hook(auth, None, body, "acompletion")
    await handler.async_post_call_success_hook(body, auth, answer)
    await handler.async_post_call_response_headers_hook(body, auth, answer)
    await handler.async_log_success_event({"litellm_params": {"metadata": body["metadata"]}}, answer, None, None)


async def run(folder: Path, marks: Sequence[int]) -> None:
    """Run requests, and print a line at each mark."""
    settings = load_settings().model_copy(update={"journal_dir": str(folder / "journal")})
    parts = build(settings, open_journal(settings, books_id(settings.database_url)))
    handler, ledger = parts.handler, parts.ledger
    await ledger.put_plan(Plan("default", AMPLE_TOKENS), actor="benchmark")
    numbers = count(1)

    async def work(mine: Iterator[int]) -> None:
        for number in mine:
            # In a task of its own, as LiteLLM serves it.
            await asyncio.create_task(request(handler, number))

    done = 0
    for mark in marks:
        left = iter([next(numbers) for _ in range(mark - done)])
        await asyncio.gather(*(work(left) for _ in range(CLIENTS)))
        done = mark
        del left
        sys.stdout.write(f"{mark} {resident_kilobytes()}\n")
        sys.stdout.flush()
    verified = await ledger.holds()
    assert not verified, f"{len(verified)} holds are left"
    await ledger.close()


if __name__ == "__main__":
    url = os.environ["DATABASE_URL"]
    migrate(url)
    tokenizer.prepare()
    uvloop.run(run(Path(sys.argv[1]), [int(each) for each in sys.argv[2:]]))
