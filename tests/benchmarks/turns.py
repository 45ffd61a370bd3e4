"""A process that runs the plugin's hooks, and says how long each request kept the event loop from its turn.

``python -m tests.benchmarks.turns FOLDER TIMES``, with ``DATABASE_URL`` set. One line of JSON at the end: milliseconds
by kind of prompt, and under the empty name without any request.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import uvloop
from litellm.proxy._types import UserAPIKeyAuth

from solaris_hooks.hooks import tokenizer
from solaris_hooks.hooks.commands.endpoint import _mentioned
from solaris_hooks.ledger.migrations import books_id, migrate
from solaris_hooks.ledger.records import AccountChange, Plan
from solaris_hooks.plugin import Parts, build, open_journal
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.settings import load_settings

from .contenders import AMPLE_TOKENS
from .proxy import MESSAGES

_LOOK_SECONDS = 0.05
_TIGHT_TOKENS = 3_000_000
_WORD = "bread "
_TOKENS = 100_000
_AMPLE, _TIGHT = "ample", "tight"

PROSE = _WORD * _TOKENS
PROMPTS: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
    "600 tokens in eight messages": (_AMPLE, "acompletion", {"messages": MESSAGES}),
    "100,000 tokens in one message": (_AMPLE, "acompletion", {"messages": [{"role": "user", "content": PROSE}]}),
    "100,000 tokens in one message, counted because the balance is tight": (
        _TIGHT,
        "acompletion",
        {"messages": [{"role": "user", "content": PROSE}]},
    ),
    "100,000 tokens in 400 messages": (
        _AMPLE,
        "acompletion",
        {"messages": [{"role": "user", "content": _WORD * (_TOKENS // 400)}] * 400},
    ),
    "10,000 messages of a word": (
        _AMPLE,
        "acompletion",
        {"messages": [{"role": "user", "content": "bread"}] * 10_000},
    ),
    "a message of 50,000 parts": (
        _AMPLE,
        "acompletion",
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "bread"}] * 50_000}]},
    ),
    "100,000 token ids": (_AMPLE, "atext_completion", {"prompt": list(range(_TOKENS))}),
    "100 prompts of 1,000 token ids": (_AMPLE, "atext_completion", {"prompt": [list(range(1000))] * 100}),
    "20 pictures of 100 kB": (
        _AMPLE,
        "acompletion",
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}]
                    * 20,
                }
            ]
        },
    ),
}


class _LoggingObject:
    """Stands for LiteLLM's own object of a request."""


class Clock:
    """Takes every turn, and knows the longest time without one."""

    def __init__(self) -> None:
        """Have seen nothing."""
        self.longest = 0.0

    async def run(self) -> None:
        """Look at the clock in every turn."""
        before = time.perf_counter()
        while True:
            await asyncio.sleep(0)
            now = time.perf_counter()
            self.longest = max(self.longest, now - before)
            before = now


@contextlib.asynccontextmanager
async def clock() -> AsyncIterator[Clock]:
    """A clock that runs for a while."""
    ticking = Clock()
    task = asyncio.create_task(ticking.run())
    await asyncio.sleep(0)
    try:
        yield ticking
    finally:
        task.cancel()


async def ask(parts: Parts, user: str, call_type: str, fields: Mapping[str, Any]) -> None:
    """One request from the body to its hold, which is then given back."""
    raw = json.dumps(fields).encode()
    body = json.loads(raw)  # objects of their own each time, as LiteLLM reads them
    body |= {"model": "demo", "max_tokens": 100, "metadata": {}, "litellm_logging_obj": _LoggingObject()}
    body["proxy_server_request"] = {"headers": {"content-length": str(len(raw))}}
    auth = UserAPIKeyAuth(user_id=user, api_key=f"{user:0>64}")
    await asyncio.sleep(0)
    async with clock() as ticking:
        await _mentioned(raw[-512 * 1024 :])
        await parts.handler.async_pre_call_hook(auth, None, body, call_type)
        await asyncio.sleep(0)
    await parts.handler.async_post_call_failure_hook(body, Exception(), auth)
    _LONGEST.append(ticking.longest * 1000)


_LONGEST: list[float] = []


async def run(folder: Path, times: int) -> Mapping[str, list[float]]:
    """Ask with each kind of prompt."""
    settings = load_settings().model_copy(update={"journal_dir": str(folder / "journal")})
    parts = build(settings, open_journal(settings, books_id(settings.database_url)))
    await parts.ledger.put_plan(Plan("default", AMPLE_TOKENS), actor="benchmark")
    await parts.ledger.put_plan(Plan("tight", _TIGHT_TOKENS), actor="benchmark")
    await parts.ledger.put_account(AccountId(f"user:{_TIGHT}"), AccountChange(plan_id="tight"), actor="benchmark")
    found: dict[str, list[float]] = {}
    for name, (user, call_type, fields) in PROMPTS.items():
        await ask(parts, user, call_type, fields)  # the first one opens connections and fills caches
        _LONGEST.clear()
        for _ in range(times):
            await ask(parts, user, call_type, fields)
        found[name] = list(_LONGEST)
    found[""] = []
    for _ in range(times):
        async with clock() as ticking:
            await asyncio.sleep(_LOOK_SECONDS)
        found[""].append(ticking.longest * 1000)
    await parts.ledger.close()
    return found


if __name__ == "__main__":
    migrate(os.environ["DATABASE_URL"])
    tokenizer.prepare()
    sys.stdout.write(json.dumps(uvloop.run(run(Path(sys.argv[1]), int(sys.argv[2])))) + "\n")
