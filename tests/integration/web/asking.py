"""How tests read pages and send their forms."""

from __future__ import annotations

import re

import httpx

ADMIN = "/solaris/admin"


def form_token(page: str) -> str:
    """What a page's forms carry."""
    found = re.search(r'name="form_token" value="([0-9a-f]+)"', page)
    assert found, "the page has no form"
    return found[1]


async def send(client: httpx.AsyncClient, path: str, /, **fields: object) -> httpx.Response:
    """Send a form of the admin interface, as a page of this session would."""
    token = form_token((await client.get(ADMIN)).text)
    return await client.post(f"{ADMIN}{path}", data={"form_token": token, **fields})


async def signed_in(browser: httpx.AsyncClient, key: str = "sk-admin") -> httpx.AsyncClient:
    """Sign in. ``sk-plain-admin``, ``sk-operator`` and ``sk-auditor`` have those roles."""
    answer = await browser.post(f"{ADMIN}/sign-in", data={"key": key})
    assert answer.status_code == 303, answer.text
    return browser
