"""The command over the in-memory ledger, run as from a shell."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from solaris_hooks.cli import runtime
from solaris_hooks.cli.main import run
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.port import Ledger
from solaris_hooks.settings import Settings

NOW = dt.datetime(2026, 11, 22, 12, 0, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert not self.err, self.err
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The error of a command with --json: nothing else on either stream."""
        assert not self.out, self.out
        body = json.loads(self.err)
        assert list(body) == ["error"]
        error: dict[str, Any] = body["error"]
        assert list(error) == ["type", "message", "param", "code"]
        return error


class Solaris:
    """Runs ``solaris ...``."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Done:
        self._capsys.readouterr()
        code = run(arguments)
        captured = self._capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return Done(code, captured.out, captured.err)


@pytest.fixture
def solaris(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Solaris:
    for name in ("DATABASE_URL", "SOLARIS_CONFIG", "SOLARIS_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    return Solaris(capsys)


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> MemoryLedger:
    """The books that all commands of a test use."""
    books = MemoryLedger(now=lambda: NOW)

    @asynccontextmanager
    async def open_ledger(_: Settings) -> AsyncIterator[Ledger]:
        yield books

    monkeypatch.setattr(runtime, "open_ledger", open_ledger)
    monkeypatch.setattr(runtime, "actor", lambda: "cli:op")
    return books
