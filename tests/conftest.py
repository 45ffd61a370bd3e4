"""Servers that several kinds of tests share: one PostgreSQL for the whole run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from deploy.local.testing import fresh_database, postgres_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.local.postgres import EmbeddedPostgres

pytest_plugins = ["tests.running", "tests.browser.fixtures"]

settings.register_profile("repeatable", derandomize=True, print_blob=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """The PostgreSQL of this run."""
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture(scope="module")
def postgres_url(postgres: EmbeddedPostgres) -> str:
    """An empty database for this module."""
    return fresh_database(postgres)
