"""For how long somebody sees a statement."""

from __future__ import annotations

import httpx
from fastapi import FastAPI

from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange
from solaris_hooks.ledger.sessions import GRACE, IDLE, ROTATE_AFTER
from solaris_hooks.quota.ids import AccountId, account_id
from solaris_hooks.web.pages.door import COOKIE, LONGEST_BY_LINK
from tests.integration.ledger.world import Clock

from .entering import ME, SECOND, Keys, another, entered, link_of, token_of


async def test_a_session_by_key_lives_while_it_is_used_and_one_by_link_an_hour(
    browser: httpx.AsyncClient, host: FastAPI, books: PostgresLedger, clock: Clock, name: str
) -> None:
    await books.put_account(AccountId(f"user:{name}"), AccountChange(), actor="admin:a")
    await entered(browser, name)
    async with another(host) as chat:
        assert (await chat.get(link_of(name))).status_code == 200
        for _ in range(int(LONGEST_BY_LINK / (IDLE / 2))):
            clock.now += IDLE / 2
            assert (await browser.get(ME)).status_code == 200
            assert (await chat.get(ME)).status_code == 200
        clock.now += SECOND
        ended = await chat.get(ME)
        assert (ended.status_code, "has ended" in ended.text) == (401, True)
        assert (await browser.get(ME)).status_code == 200
    clock.now += IDLE + SECOND
    assert (await browser.get(ME)).status_code == 401


async def test_a_revoked_key_ends_its_session_at_the_next_page(
    browser: httpx.AsyncClient, host: FastAPI, keys: Keys, name: str
) -> None:
    await entered(browser, name)
    keys.revoked.add(f"sk-user-{name}")
    assert (await browser.get(ME)).status_code == 401
    keys.revoked.clear()
    assert (await browser.get(ME)).status_code == 401, "it does not come back"


async def test_a_key_that_pays_from_another_account_by_now_shows_neither(
    browser: httpx.AsyncClient, keys: Keys, name: str
) -> None:
    await entered(browser, name)
    keys.given[f"sk-user-{name}"] = account_id("user:somebody-else")
    answer = await browser.get(ME)
    assert answer.status_code == 401
    assert name not in answer.text


async def test_its_token_is_exchanged_and_a_copy_of_the_old_one_ends_it(
    browser: httpx.AsyncClient, host: FastAPI, clock: Clock, name: str
) -> None:
    await entered(browser, name)
    async with another(host, browser) as thief:
        clock.now += ROTATE_AFTER + SECOND
        assert COOKIE in (await browser.get(ME)).headers["set-cookie"]
        clock.now += GRACE + SECOND
        assert (await browser.get(ME)).status_code == 200
        assert (await thief.get(ME)).status_code == 401
        assert (await browser.get(ME)).status_code == 401, "nobody can tell who of the two the owner is"


async def test_getting_in_again_leaves_no_session_behind(
    browser: httpx.AsyncClient, host: FastAPI, books: PostgresLedger, name: str
) -> None:
    await entered(browser, name)
    async with another(host, browser) as before:
        await entered(browser, name)
        assert (await before.get(ME)).status_code == 401
    async with another(host, browser) as before:
        assert (await browser.get(link_of(name))).status_code == 200
        assert (await before.get(ME)).status_code == 401
        assert (await browser.get(ME)).status_code == 200


async def test_signing_out_everywhere_ends_every_session_of_the_account_and_no_other(
    browser: httpx.AsyncClient, host: FastAPI, name: str
) -> None:
    await entered(browser, name)
    async with another(host) as phone, another(host) as chat, another(host) as bia:
        await entered(phone, name)
        assert (await chat.get(link_of(name))).status_code == 200
        await entered(bia, f"{name}-bia")
        out = await browser.post(f"{ME}/leave-everywhere", data={"form_token": await token_of(browser)})
        assert out.headers["location"] == f"{ME}/sign-in?out=1"
        assert [(await each.get(ME)).status_code for each in (browser, phone, chat, bia)] == [401, 401, 401, 200]
