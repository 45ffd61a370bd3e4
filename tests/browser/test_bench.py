"""The bench itself: it finds what it is there to find, and shows the people that it promises."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page

from solaris_hooks.ledger.delivery_records import DeliveryFilter, DeliveryState
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.quota.balance import Status
from tests.browser.fixtures import Browse
from tests.browser.looking import assert_accessible, assert_fits, keep, violations
from tests.browser.looks import LOOKS, Look
from tests.browser.people import ANA, DANIEL, HUGO, PEOPLE
from tests.browser.serving import Site
from tests.browser.watch import Watch


async def shown(page: Page, site: Site, body: str, **headers: str) -> None:
    """Open a page of our own making in place of one of the site's."""

    async def answer(route: object) -> None:
        await route.fulfill(status=200, content_type="text/html", headers=headers, body=body)  # type: ignore[attr-defined]

    await page.route("**/made-up", answer)
    await page.goto(site.address("/made-up"))


def complaint(watch: Watch) -> str:
    """What the test would have failed with."""
    with pytest.raises(AssertionError) as found:
        watch.require_quiet()
    return str(found.value)


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_a_window_is_as_its_look_says(browse: Browse, site: Site, look: Look) -> None:
    page = await browse(look)
    await shown(page, site, "<!doctype html><title>x</title>")
    assert await page.evaluate("navigator.language") == look.language
    assert await page.evaluate("innerWidth") == look.pixels[0]
    dark = await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert dark == (look.colours == "dark")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<script>console.error('an error of ours')</script>", "console: an error of ours"),
        ("<script>throw new Error('a script broke')</script>", "script: a script broke"),
        ("<script src='/solaris/nowhere.js'></script>", "nowhere.js: 404"),
        ("<script src='http://127.0.0.1:1/x.js'></script>", "http://127.0.0.1:1/x.js: net::ERR"),
    ],
    ids=["console", "script", "answer", "request"],
)
async def test_what_goes_wrong_in_a_page_fails_its_test(
    browse: Browse, site: Site, watch: Watch, body: str, said: str
) -> None:
    await shown(await browse(), site, body)
    assert said in complaint(watch)


async def test_a_breach_of_the_content_security_policy_fails_its_test(browse: Browse, site: Site, watch: Watch) -> None:
    page = await browse()
    policy = {"content-security-policy": "default-src 'none'"}
    await shown(page, site, "<body style='color: red'>x", **policy)
    assert "Content Security Policy" in complaint(watch)


async def test_a_status_that_is_expected_fails_nothing(browse: Browse, site: Site, watch: Watch) -> None:
    page = await browse()
    watch.expect(401)
    answer = await page.goto(site.address("/me"))
    assert answer is not None
    assert answer.status == 401
    watch.require_quiet()


async def test_a_page_that_some_cannot_read_is_found_and_named(browse: Browse, site: Site) -> None:
    page = await browse()
    body = "<!doctype html><html><title>x</title><main><img src='data:,'><p style='color: #ddd'>pale</p></main>"
    await shown(
        page, site, body, **{"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:"}
    )
    found = {each["id"] for each in await violations(page)}
    assert found == {"image-alt", "color-contrast", "html-has-lang"}
    with pytest.raises(AssertionError, match="image-alt"):
        await assert_accessible(page)


async def test_a_page_that_is_too_wide_is_found(browse: Browse, site: Site) -> None:
    page = await browse(Look(screen="phone"))
    await shown(page, site, "<!doctype html><meta name=viewport content='width=device-width'><pre>" + "x" * 500)
    with pytest.raises(AssertionError, match="wider"):
        await assert_fits(page)


async def test_pictures_are_kept_where_they_are_wanted(
    browse: Browse, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCREENSHOTS", str(tmp_path / "pictures"))
    page = await browse()
    await shown(page, site, "<!doctype html><title>x</title>")
    picture = await keep(page, "a-picture")
    assert picture == tmp_path / "pictures" / "a-picture.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


# ------------------------------------------------------------------ the people in the books


async def test_everybody_has_used_what_is_said_of_him(ledger: PostgresLedger) -> None:
    page = await ledger.accounts(limit=100)
    known = {each.balance.account_id: each.balance for each in page.accounts}
    assert {each.account_id: each.percent for each in PEOPLE} == {
        account_id: balance.use_percent for account_id, balance in known.items()
    }
    assert known[DANIEL].status is Status.SUSPENDED
    assert known[HUGO].overage > 0
    assert known[ANA].credits_remaining > 0
    assert known[ANA].held > 0


async def test_the_books_of_these_people_are_in_order(ledger: PostgresLedger) -> None:
    result = await ledger.verify()
    assert result.ok, result.flaws
    assert result.accounts == len(PEOPLE)


async def test_requests_wait_and_mails_have_failed(ledger: PostgresLedger) -> None:
    assert len(await ledger.requests.find(limit=50)) == 4
    assert await ledger.deliveries.deliveries(DeliveryFilter(state=DeliveryState.DEAD))
    assert await ledger.deliveries.deliveries(DeliveryFilter(state=DeliveryState.SENT))
