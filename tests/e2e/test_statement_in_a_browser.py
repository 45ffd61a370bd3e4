"""The statement in Chromium, all the way: asked for in a chat, served by the stock proxy."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.browser.fixtures import Browse
from tests.browser.looking import assert_accessible
from tests.e2e.world import World, sim


@pytest.mark.asyncio(loop_scope="session")
async def test_the_link_of_the_chat_opens_the_statement_in_a_browser(world: World, browse: Browse) -> None:
    user = world.user(tokens=100_000)
    user.chat(sim(prompt_tokens=1_000, completion_tokens=4_000))
    user.settled()
    said = user.chat([{"role": "user", "content": "/extrato"}]).json()["choices"][0]["message"]["content"]
    link = re.search(r"https://tokens\.example\.com(/solaris/me\?token=[^)\s]+)", said)
    assert link is not None, said
    page = await browse()
    await page.goto(f"{world.proxy.base_url}{link[1]}")
    await page.wait_for_url(f"{world.proxy.base_url}/solaris/me")
    await expect(page.get_by_text("Restam 95.000 de 100.000 tokens")).to_be_visible()
    await assert_accessible(page)
