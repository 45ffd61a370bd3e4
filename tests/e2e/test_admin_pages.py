"""The admin interface on a stock proxy: LiteLLM's own credentials open it, and it shows what LiteLLM knows."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from litellm.proxy._types import LitellmUserRoles

from tests.e2e.test_json_api import key_of, user_with_role
from tests.e2e.world import World, sim, until
from tests.integration.web.asking import ADMIN, form_token


@pytest.fixture
def browser(world: World) -> Iterator[httpx.Client]:
    """A browser without a session."""
    with httpx.Client(base_url=world.proxy.base_url, timeout=30) as client:

        def over_http(_: httpx.Response) -> None:
            """Cookies of a proxy that users reach over https travel over https alone; this test has none."""
            for cookie in client.cookies.jar:
                cookie.secure = False

        client.event_hooks = {"response": [over_http]}
        yield client


@pytest.fixture
def litellm(world: World) -> Iterator[httpx.Client]:
    """LiteLLM's own API, with the master key."""
    with world.proxy.client() as client:
        yield client


def sign_in(browser: httpx.Client, **form: str) -> httpx.Response:
    return browser.post(f"{ADMIN}/sign-in", data=form)


def test_an_administrator_unblocks_a_user_by_granting_half_a_million_tokens(
    world: World, browser: httpx.Client
) -> None:
    user = world.user(tokens=1)
    assert user.chat(sim()).status_code == 402
    assert sign_in(browser, key=world.proxy.master_key, next="/admin").status_code == 303
    found = browser.get(f"{ADMIN}/accounts", params={"q": user.name})
    page = browser.get(f"{ADMIN}/accounts/user%3A{user.name}")
    assert f"/accounts/user%3A{user.name}" in found.text
    form = {"form_token": form_token(page.text), "key": "a-key", "tokens": "500000", "reason": "Unblock"}
    granted = browser.post(f"{ADMIN}/accounts/user%3A{user.name}/credits", data={**form, "origin": "grant"})
    assert granted.status_code == 303, granted.text
    assert user.chat(sim()).status_code == 200


def test_an_account_s_page_lists_its_virtual_keys(world: World, browser: httpx.Client, litellm: httpx.Client) -> None:
    user = world.user()
    key_of(litellm, user.name, key_alias=f"{user.name}-phone")
    user.chat(sim())
    sign_in(browser, key=world.proxy.master_key)
    assert f"{user.name}-phone" in browser.get(f"{ADMIN}/accounts/user%3A{user.name}").text


def test_the_overview_counts_what_was_just_used(world: World, browser: httpx.Client) -> None:
    sign_in(browser, key=world.proxy.master_key)
    user = world.user()
    user.chat(sim(prompt_tokens=1000, completion_tokens=234))

    def shown() -> bool:
        page = browser.get(ADMIN)
        assert page.status_code == 200, page.text
        return 'data-figure="today">0<' not in page.text and 'data-figure="today"' in page.text

    until(shown)


@pytest.mark.parametrize(
    ("role", "name"),
    [(LitellmUserRoles.PROXY_ADMIN, "Administrator"), (LitellmUserRoles.PROXY_ADMIN_VIEW_ONLY, "Auditor")],
)
def test_litellm_s_roles_are_roles_here(
    world: World, browser: httpx.Client, litellm: httpx.Client, role: LitellmUserRoles, name: str
) -> None:
    key = key_of(litellm, user_with_role(litellm, role.value))
    assert sign_in(browser, key=key).status_code == 303
    page = browser.get(ADMIN, headers={"accept-language": "en"})
    assert f'<p class="role">{name}</p>' in page.text
    change = browser.post(
        f"{ADMIN}/accounts/user%3Anobody/status",
        data={"form_token": form_token(page.text), "status": "blocked", "reason": "r"},
    )
    assert change.status_code == (404 if role is LitellmUserRoles.PROXY_ADMIN else 403)


def test_keys_of_users_open_nothing(world: World, browser: httpx.Client) -> None:
    assert sign_in(browser, key=world.user().key).status_code == 403
    assert sign_in(browser, key="sk-nobody-has-this").status_code == 403
    assert browser.get(ADMIN).status_code == 303


def test_a_key_that_is_blocked_in_litellm_ends_its_session(
    world: World, browser: httpx.Client, litellm: httpx.Client
) -> None:
    key = key_of(litellm, user_with_role(litellm, "proxy_admin"))
    assert sign_in(browser, key=key).status_code == 303
    assert litellm.post("/key/block", json={"key": key}).status_code == 200
    assert browser.get(ADMIN).status_code == 303


def test_the_session_of_litellm_s_own_interface_opens_it(world: World, browser: httpx.Client) -> None:
    login = browser.post("/v2/login", json={"username": "admin", "password": world.proxy.master_key})
    assert login.status_code == 200, login.text
    assert browser.cookies.get("token")
    page = browser.get(f"{ADMIN}/sign-in", headers={"accept-language": "en"})
    assert "Continue with the session of LiteLLM" in page.text
    assert sign_in(browser, **{"with": "litellm"}).status_code == 303
    assert browser.get(ADMIN).status_code == 200
    browser.cookies.set("token", str(browser.cookies.get("token"))[:-3] + "abc")
    assert "Continue with the session" not in browser.get(f"{ADMIN}/sign-in").text


def test_litellm_s_own_interface_lists_it(world: World, litellm: httpx.Client) -> None:
    listed = litellm.get("/api/plugins")
    assert listed.status_code == 200, listed.text
    (plugin,) = [each for each in listed.json() if each["name"] == "solaris"]
    with httpx.Client(base_url=world.proxy.base_url, follow_redirects=True) as framed:
        page = framed.get(f"{plugin['url'].removeprefix('https://tokens.example.com')}/")
    assert page.url.path == f"{ADMIN}/sign-in"
    assert "frame-ancestors 'self'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "SAMEORIGIN"
