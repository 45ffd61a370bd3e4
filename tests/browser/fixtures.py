"""Fixtures of every test that opens pages: Chromium for the run, and windows in it for a test.

Tests that use them are asynchronous and share the event loop of the session, in which Chromium is spoken to: those
under ``tests/browser`` by themselves, others with ``@pytest.mark.asyncio(loop_scope="session")``.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any, Protocol

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.browser.chromium import FLAGS, MISSING, find_chromium
from tests.browser.looks import Look
from tests.browser.watch import Watch

PATIENCE_MS = 20_000
"""How long a test waits for what must come true: several processes share the machine."""

expect.set_options(timeout=PATIENCE_MS)


class Browse(Protocol):
    """Opens a new window, as somebody who was never here; further options are those of Playwright's contexts."""

    async def __call__(self, look: Look = ..., **options: Any) -> Page:
        """An empty page."""
        ...


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The machine's Chromium, with a profile of its own. Without one, tests are skipped, but never in CI."""
    executable = find_chromium()
    if executable is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
def watch() -> Watch:
    """What goes wrong in the pages of this test; `browse` fails it for that at its end."""
    return Watch()


@pytest_asyncio.fixture(loop_scope="session")
async def browse(chromium: Browser, watch: Watch) -> AsyncIterator[Browse]:
    """Opens windows: ``page = await browse(Look("en", "dark", "phone"))``; each is another visitor.

    At the end the test fails for every error in a console, breach of the content security policy, request that
    failed, and answer of 400 and more that was not announced with ``watch.expect(401)``.
    """
    contexts = []

    async def window(look: Look = Look(), **options: Any) -> Page:  # noqa: B008 - it never changes
        width, height = look.pixels
        context = await chromium.new_context(
            locale=look.language,
            color_scheme=look.colours,
            viewport={"width": width, "height": height},
            timezone_id="America/Sao_Paulo",
            **options,
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        watch.observe(context)
        return await context.new_page()

    yield window
    for context in contexts:
        await context.close()
    watch.require_quiet()
