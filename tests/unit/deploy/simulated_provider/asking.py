"""A simulated provider as a real process, and what its clients say to it and read from it."""

import asyncio
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[4]
BY_PATH = (str(ROOT / "deploy" / "simulated_provider"),)
BY_NAME = ("-m", "deploy.simulated_provider")
PATIENCE_SECONDS = 20
REFUSAL_KEYS = {"message", "type", "param", "code"}

Json = dict[str, Any]


def start(*way: str, cwd: Path = ROOT) -> tuple[subprocess.Popen[str], str]:
    """Start a provider on a free port; give the process and its base URL."""
    process = subprocess.Popen(
        [sys.executable, *way, "--host", "127.0.0.1", "--port", "0"],
        cwd=cwd,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    ready = process.stdout.readline()
    found = re.fullmatch(r"simulated provider ready on (http://127\.0\.0\.1:\d+)/v1\n", ready)
    if found is None:
        process.kill()
        pytest.fail(f"no ready line: {ready!r} {process.communicate()[1]}")
    return process, found[1]


def stop(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Ask a provider to end; give its exit code and all that it wrote after its ready line."""
    process.send_signal(signal.SIGTERM)
    try:
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        process.kill()
    return process.returncode, out, err


def told(said: str = "Hello", /, **sim: object) -> str:
    """Write a text with a directive."""
    return f"{said} #sim {json.dumps(sim)}"


def chat(said: str = "Hello", /, *, sim: Json | None = None, **fields: object) -> Any:
    """Write a chat request's fields, with a directive in the user's message."""
    text = said if sim is None else told(said, **sim)
    return {"model": "simulated", "messages": [{"role": "user", "content": text}], **fields}


async def served(http: httpx.AsyncClient) -> Json:
    """Read the provider's books."""
    totals: Json = (await http.get("/sim/served")).json()
    return totals


async def served_once(http: httpx.AsyncClient, **expected: int) -> Json:
    """Read the books again and again until these totals are in them."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            totals = await served(http)
            if expected.items() <= totals.items():
                return totals


def events(body: str) -> list[Json]:
    """Read a complete stream's events, without its [DONE]."""
    *found, done, rest = body.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    return [json.loads(event.removeprefix("data: ")) for event in found]


def named_events(body: str) -> list[Json]:
    """Read a complete stream's events, each named by its type."""
    *found, rest = body.split("\n\n")
    assert rest == ""
    read = []
    for event in found:
        name, data = event.split("\n")
        content = json.loads(data.removeprefix("data: "))
        assert name == f"event: {content['type']}"
        read.append(content)
    return read


def pieces_of(found: list[Json], index: int = 0) -> list[str]:
    """Give the pieces that one choice's chunks carried."""
    choices = [choice for event in found for choice in event["choices"]]
    texts = [choice["delta"].get("content") for choice in choices if choice["index"] == index]
    return [text for text in texts if text]
