"""LibreChat's LLM client library in front of the proxy of the end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.checkout import LIBRECHAT_CLIENT
from deploy.local.testing import StockProxy
from tests.e2e.conftest import config, database_url, provider_url, proxy, world
from tests.librechat.library import Library

__all__ = ["config", "database_url", "provider_url", "proxy", "world"]


@pytest.fixture(scope="session")
def librechat(proxy: StockProxy) -> Iterator[Library]:
    """The library, pointed at the proxy."""
    assert (LIBRECHAT_CLIENT / "node_modules").exists(), "run `make test-librechat`, which installs it"
    library = Library(f"{proxy.base_url}/v1")
    yield library
    library.close()
