"""Sees to it that a page that looks right is also quiet: no error in its console, no request that fails."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from playwright.async_api import BrowserContext, ConsoleMessage, Request, Response, WebError

# Chromium's own line for an answer of 400 and more, which is judged by its status below.
_FAILED_ANSWER = "Failed to load resource: the server responded with a status of"
_ERROR = 400
_LEFT_BEHIND = "net::ERR_ABORTED"
"""What Chromium says of a file that it no longer needs, because the page has led on."""


@dataclass
class Watch:
    """Keeps what goes wrong in every page of a test; the test fails at its end if anything did.

    Attributes:
        complaints: what went wrong so far, in words. Breaches of the content security policy stand in the console.
    """

    complaints: list[str] = field(default_factory=list)
    _expected: set[int] = field(default_factory=set)

    def expect(self, *statuses: int) -> None:
        """Take answers with these statuses as right from now on, as of a page that refuses."""
        self._expected.update(statuses)

    def observe(self, context: BrowserContext) -> None:
        """Watch all pages of a context, those that are still to be opened included."""
        context.on("console", self._console)
        context.on("weberror", self._script)
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)

    def require_quiet(self) -> None:
        """Fail where anything went wrong; what was complained of is forgotten."""
        found, self.complaints = self.complaints, []
        assert not found, "\n".join(["the page complains:", *found])

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_FAILED_ANSWER):
            self.complaints.append(f"console: {message.text}")

    def _script(self, error: WebError) -> None:
        self.complaints.append(f"script: {error.error}")

    def _failed(self, request: Request) -> None:
        if request.failure == _LEFT_BEHIND:
            return
        self.complaints.append(f"request: {request.method} {request.url}: {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= _ERROR and response.status not in self._expected:
            self.complaints.append(f"answer: {response.request.method} {response.url}: {response.status}")


def named(complaints: Collection[str], *parts: str) -> bool:
    """Whether one complaint has all these parts."""
    return any(all(part in each for part in parts) for each in complaints)
