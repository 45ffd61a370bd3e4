"""A user's pages on a stock proxy: his virtual key opens them, as long as LiteLLM takes it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.e2e.test_json_api import key_of
from tests.e2e.world import World, sim
from tests.integration.web.asking import form_token

ME = "/solaris/me"


@pytest.fixture
def browser(world: World) -> Iterator[httpx.Client]:
    """A browser without a session."""
    with httpx.Client(base_url=world.proxy.base_url, timeout=30, trust_env=False) as client:

        def over_http(_: httpx.Response) -> None:
            """Cookies of a proxy that users reach over https travel over https alone; this test has none."""
            for cookie in client.cookies.jar:
                cookie.secure = False

        client.event_hooks = {"response": [over_http]}
        yield client


def enter(browser: httpx.Client, key: str) -> httpx.Response:
    return browser.post(f"{ME}/sign-in", data={"key": key})


def test_a_virtual_key_opens_its_user_s_statement_even_when_nothing_is_left(
    world: World, browser: httpx.Client
) -> None:
    user = world.user(tokens=500)
    assert user.chat(sim(prompt_tokens=100, completion_tokens=400)).status_code == 200
    user.settled()
    assert user.chat(sim()).status_code == 402
    assert enter(browser, user.key).status_code == 303
    page = browser.get(ME)
    assert page.status_code == 200
    assert "Restam <strong>0</strong> de 500 tokens" in page.text
    assert user.key not in page.text
    asked = browser.post(
        f"{ME}/requests", data={"form_token": form_token(page.text), "tokens": "1000", "package": "", "reason": "mais"}
    )
    assert asked.status_code == 303, asked.text
    (request,) = world.rows("SELECT tokens FROM solaris.credit_requests WHERE account_id = %s", user.account_id)
    assert request["tokens"] == 1000


def test_a_key_that_is_deleted_shows_nothing_more(world: World, browser: httpx.Client) -> None:
    user = world.user()
    user.chat(sim())
    with world.proxy.client() as litellm:
        key = key_of(litellm, user.name)
        assert enter(browser, key).status_code == 303
        assert browser.get(ME).status_code == 200
        litellm.post("/key/delete", json={"keys": [key]}).raise_for_status()
    assert browser.get(ME).status_code == 401
    assert browser.get(f"{ME}/entries.csv").status_code == 401
    assert enter(browser, key).status_code == 403


def test_the_master_key_and_made_up_ones_open_no_statement(world: World, browser: httpx.Client) -> None:
    for key in (world.proxy.master_key, "sk-nobody-has-this-key-0123456789"):
        answer = enter(browser, key)
        assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
