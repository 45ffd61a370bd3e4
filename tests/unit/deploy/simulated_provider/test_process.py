"""How the simulated provider starts and ends."""

import signal
from pathlib import Path

import httpx
from openai import AsyncOpenAI

from tests.unit.deploy.simulated_provider.asking import (
    BY_NAME,
    BY_PATH,
    PATIENCE_SECONDS,
    chat,
    events,
    pieces_of,
    start,
    stop,
)


async def test_health_and_models_answer(http: httpx.AsyncClient, client: AsyncOpenAI) -> None:
    assert (await http.get("/healthz")).json() == {"status": "ok"}
    assert [model.id async for model in client.models.list()] == ["simulated"]


async def test_sigterm_lets_an_answer_under_way_finish_and_ends_with_success() -> None:
    process, url = start(*BY_NAME)
    body = chat(sim={"text": "to the very end", "chunk_delay_ms": 50}, stream=True)
    try:
        async with (
            httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS) as http,
            http.stream("POST", "/v1/chat/completions", json=body) as response,
        ):
            process.send_signal(signal.SIGTERM)
            found = events((await response.aread()).decode())
    finally:
        ending = stop(process)
    assert pieces_of(found) == ["to", " the", " very", " end"]
    assert ending == (0, "", "")


async def test_it_starts_from_any_folder(tmp_path: Path) -> None:
    process, _ = start(*BY_PATH, cwd=tmp_path)
    assert stop(process) == (0, "", "")
