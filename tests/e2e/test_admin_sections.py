"""Requests, ledger, settings and health on a stock proxy: asked in the chat, decided on a page, verified beside it."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.e2e.test_admin_pages import browser as browser  # noqa: PLC0414 - a fixture
from tests.e2e.test_admin_pages import sign_in
from tests.e2e.world import World, sim, until
from tests.integration.web.asking import ADMIN, form_token


@pytest.fixture
def admin(browser: httpx.Client, world: World) -> httpx.Client:
    """A browser in which the master key has signed in."""
    assert sign_in(browser, key=world.proxy.master_key, next="/admin").status_code == 303
    return browser


def test_what_a_user_asks_for_in_the_chat_is_approved_on_the_page(world: World, admin: httpx.Client) -> None:
    user = world.user(tokens=1)
    assert user.chat(sim()).status_code == 402
    user.chat([{"role": "user", "content": "/creditos 200000 fim do mês"}])
    (request,) = world.rows("SELECT request_id FROM solaris.credit_requests WHERE account_id = %s", user.account_id)
    page = admin.get(f"{ADMIN}/requests/{request['request_id']}")
    assert "fim do mês" in page.text
    form = {"form_token": form_token(page.text), "tokens": "150.000", "expires": "", "reason": "bom uso"}
    decided = admin.post(f"{ADMIN}/requests/{request['request_id']}/approve", data=form)
    assert decided.status_code == 303, decided.text
    assert user.chat(sim()).status_code == 200


def test_the_books_are_verified_by_a_process_beside_the_proxy(world: World, admin: httpx.Client) -> None:
    user = world.user(tokens=100_000)
    user.chat(sim(prompt_tokens=10, completion_tokens=5))
    user.settled()
    page = admin.get(f"{ADMIN}/ledger")
    form = {"form_token": form_token(page.text), "account": user.account_id}
    assert admin.post(f"{ADMIN}/ledger/verify", data=form).status_code == 303

    def ended() -> bool:
        runs = world.rows("SELECT * FROM solaris.verifications WHERE account_id = %s", user.account_id)
        return len(runs) == 1 and runs[0]["ended_at"] is not None

    until(ended, seconds=60)
    (run,) = world.rows("SELECT * FROM solaris.verifications WHERE account_id = %s", user.account_id)
    assert (run["error"], run["flaws"], run["accounts"]) == (None, 0, 1)
    assert run["entries"] == user.account["entries"]
    assert (
        "no flaw"
        in admin.get(f"{ADMIN}/ledger/verifications/{run['verification_id']}", headers={"accept-language": "en"}).text
    )


def test_settings_and_health_are_those_of_the_proxy(world: World, admin: httpx.Client) -> None:
    settings = admin.get(f"{ADMIN}/settings", headers={"accept-language": "en"}).text
    password = re.search(r"://[^:]+:([^@]+)@", world.database_url)
    assert password is not None
    assert password[1] not in settings
    assert world.proxy.master_key not in settings
    assert re.search(r"hold_wait_seconds.*?<code>1\.0</code>.*?config file", settings, re.DOTALL)
    assert "DATABASE_URL" in settings
    health = admin.get(f"{ADMIN}/health", headers={"accept-language": "en"}).text
    assert "is up to date" in health
    assert "last heard of" in health, "the proxy's own worker"
