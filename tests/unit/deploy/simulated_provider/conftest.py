"""One simulated provider for each module, and clients of it."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio
from openai import AsyncOpenAI

from tests.unit.deploy.simulated_provider.asking import BY_PATH, PATIENCE_SECONDS, start, stop


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """Run one provider for the module; whatever its tests do to it, it stays quiet."""
    process, url = start(*BY_PATH)
    yield url
    assert stop(process) == (0, "", "")


@pytest_asyncio.fixture
async def http(provider: str) -> AsyncIterator[httpx.AsyncClient]:
    """Give a plain client, of a provider with empty books."""
    async with httpx.AsyncClient(base_url=provider, timeout=PATIENCE_SECONDS) as client:
        await client.post("/sim/reset")
        yield client


@pytest_asyncio.fixture
async def client(provider: str, http: httpx.AsyncClient) -> AsyncIterator[AsyncOpenAI]:
    """Give the official client, without its retries."""
    del http  # only for its empty books
    base_url = f"{provider}/v1"
    async with AsyncOpenAI(base_url=base_url, api_key="sk-secret", max_retries=0) as client:
        yield client
