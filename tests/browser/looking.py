"""What tests ask of any page: that everybody can use it, and a picture of it."""

from __future__ import annotations

import os
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from playwright.async_api import Page

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / ".cache" / "screenshots"
WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa")
"""axe's names for the rules of WCAG 2.2 up to level AA."""


@cache
def _axe() -> str:
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


async def violations(page: Page) -> list[dict[str, Any]]:
    """What axe-core finds on a page against WCAG 2.2 AA.

    axe is evaluated through the debugger, which no content security policy keeps out: the page stays as it is served.
    """
    await page.wait_for_load_state()  # its style included
    session = await page.context.new_cdp_session(page)
    try:
        await session.send("Runtime.evaluate", {"expression": _axe()})
        found = await session.send(
            "Runtime.evaluate",
            {
                "expression": f"axe.run(document, {{runOnly: {list(WCAG)}, resultTypes: ['violations']}})",
                "awaitPromise": True,
                "returnByValue": True,
            },
        )
    finally:
        await session.detach()
    assert "exceptionDetails" not in found, found["exceptionDetails"]
    answer = found["result"]["value"]
    assert answer["passes"], "axe looked at nothing"
    breaches: list[dict[str, Any]] = answer["violations"]
    return breaches


async def assert_accessible(page: Page) -> None:
    """Fail where a page breaks any rule of WCAG 2.2 AA that a program can check."""
    found = [
        f"{breach['id']} ({breach['impact']}): {breach['help']}\n    {node['html']}\n    {node['failureSummary']}"
        for breach in await violations(page)
        for node in breach["nodes"]
    ]
    assert not found, "\n".join([f"{page.url} breaks WCAG 2.2 AA:", *found])


async def assert_fits(page: Page) -> None:
    """Fail where a page is wider than its window, so that one would have to scroll sideways."""
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} is {wide} pixels wider than the window"


async def keep(page: Page, name: str) -> Path:
    """Write a picture of the whole page, for people: ``<name>.png`` in ``SCREENSHOTS`` or ``.cache/screenshots``."""
    picture = Path(os.environ.get("SCREENSHOTS") or PICTURES) / f"{name}.png"
    await page.screenshot(path=picture, full_page=True, animations="disabled", caret="hide")
    return picture
