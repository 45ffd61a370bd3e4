"""A process with its journal, in both modes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from solaris_hooks.ledger.journal import circuit as circuit_module
from tests.unit.ledger.journal.scene import Scene


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit_module, "PROBE_SECONDS", 0.005)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    made = Scene(tmp_path / "journal")
    yield made
    made.ledger.close()


@pytest.fixture
async def closed(tmp_path: Path) -> AsyncIterator[Scene]:
    made = Scene(tmp_path / "journal", fail_open=False)
    yield made
    made.ledger.close()
