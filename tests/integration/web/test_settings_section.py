"""The settings page: what is in force, for whoever may read, without a secret."""

from __future__ import annotations

import httpx
import pytest

from solaris_hooks.settings import Settings
from tests.integration.web.asking import ADMIN, signed_in

SECRET = "9f8e7d6c5b4a"


@pytest.fixture
def settings(web_url: str) -> Settings:
    return Settings(
        database_url=web_url,
        default_locale="en",
        public_url="http://proxy",
        default_plan="<b>plan</b>",
        link_secrets=[SECRET],
        checkpoint_key=SECRET,
        mail={"host": "localhost", "from_address": "a@example.org", "username": "joe", "password": SECRET},
        webhooks=[{"name": "chat", "url": f"https://hooks.example/{SECRET}", "format": "slack"}],
    )


@pytest.mark.parametrize("key", ["sk-admin", "sk-operator", "sk-auditor"])
@pytest.mark.parametrize("query", ["", "?show=set"])
async def test_settings_are_read_and_secrets_are_not(
    browser: httpx.AsyncClient, settings: Settings, key: str, query: str
) -> None:
    await signed_in(browser, key)
    page = (await browser.get(f"{ADMIN}/settings{query}")).text
    password = settings.database_url.split("@")[0].rpartition(":")[2]
    assert SECRET not in page
    assert password not in page
    assert page.count("set, not shown") == 4
    assert "&lt;b&gt;plan&lt;/b&gt;" in page
    assert "mail.from_address" in page
    assert ("refusal_status" in page) == (query == "")
