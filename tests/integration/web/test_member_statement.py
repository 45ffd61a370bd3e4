"""A member of a team has a statement of his own: his share, his calls, his refusals, and one line of the team's."""

from __future__ import annotations

import csv
import html
import io
import json
import re

import httpx
import pytest
from fastapi import FastAPI

from solaris_hooks.ledger.credit_requests import RequestState
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import Grant
from solaris_hooks.quota.usage import UsageSource
from solaris_hooks.settings import Settings
from solaris_hooks.web.api import mount
from solaris_hooks.web.pages.shown import ENTRIES
from solaris_hooks.web.site import build_site
from tests.integration.web.asking import form_token
from tests.integration.web.conftest import SECRETS
from tests.integration.web.team import API, ME, Member, Team, TeamKeys, entered, read


@pytest.fixture
def keys() -> TeamKeys:
    return TeamKeys()


@pytest.fixture
def host(books: PostgresLedger, settings: Settings, keys: TeamKeys) -> FastAPI:
    made = FastAPI()
    mount(made, build_site(books, keys, settings, secrets=SECRETS).app)
    return made


@pytest.fixture
async def team(books: PostgresLedger) -> Team:
    made = Team(books)
    await made.live()
    return made


@pytest.fixture
async def rui(browser: httpx.AsyncClient, team: Team) -> httpx.AsyncClient:
    return await entered(browser, team.rui)


async def send(client: httpx.AsyncClient, path: str, **fields: object) -> httpx.Response:
    token = form_token((await client.get(ME)).text)
    return await client.post(f"{ME}{path}", data={"form_token": token, **fields})


async def said(client: httpx.AsyncClient, path: str = "") -> str:
    """What a page says, without its markup."""
    text = read(await client.get(f"{ME}{path}"))
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def in_english(client: httpx.AsyncClient) -> None:
    client.cookies.set("solaris_language", "en")


async def test_his_own_limit_binds_where_it_leaves_less(rui: httpx.AsyncClient, team: Team) -> None:
    in_english(rui)
    page = await said(rui)
    assert "700 tokens are left for you" in page
    assert "30% of your own limit of 1,000 tokens are used: it is what bounds you now." in page
    assert "Your team has 965,466 of 1,007,000 tokens left." in page
    assert "Used by you 300 Held by your requests 0 Your own limit 1,000" in page
    bar = re.search(r'<progress class="bar thick state-(\w+)" max="100" value="(\d+)"', (await rui.get(ME)).text)
    assert bar
    assert bar.groups() == ("normal", "30")


async def test_what_the_team_has_binds_where_that_is_less(rui: httpx.AsyncClient, team: Team) -> None:
    in_english(rui)
    await team.limit(970_000, team.rui)
    page = await said(rui)
    assert "965,466 tokens are left for you" in page
    assert "4% of what your team has are used" in page
    assert "Your own limit would leave you 969,700." in page
    await team.limit(None, team.rui)
    page = await said(rui)
    assert "965,466 tokens are left for you" in page
    assert "no limit of your own" in page


async def test_at_his_limit_he_reads_so_and_may_ask_for_credits(rui: httpx.AsyncClient, team: Team) -> None:
    in_english(rui)
    await team.limit(300, team.rui)
    page = await said(rui)
    assert "0 tokens are left for you" in page
    assert "Your own limit is used up." in page
    answer = await send(rui, "/requests", tokens="5000", reason="more & more", once="x")
    assert answer.headers["location"] == f"{ME}?done=asked#credits"
    asked = await team.books.requests.find(account_id=team.id, requested_by=team.rui.id)
    assert [(each.tokens, each.reason) for each in asked] == [(5_000, "more & more"), (5, f"{team.rui.name} asks")]
    assert "more & more" in await said(rui)
    assert (await send(rui, f"/requests/{asked[0].request_id}/cancel")).status_code == 303
    (newest, _) = await team.books.requests.find(account_id=team.id, requested_by=team.rui.id)
    assert (newest.state, newest.decided_by) == (RequestState.CANCELLED, team.rui.id)


async def test_days_models_and_entries_are_his_own(rui: httpx.AsyncClient, team: Team) -> None:
    await team.use(team.rui, 11, UsageSource.ESTIMATE)
    text = (await rui.get(ME)).text
    days = [int(each) for each in re.findall(r'data-value="(\d+)"', text)]
    assert (sum(days), days[-1]) == (311, 311)
    assert re.findall(r'<span class="share-name">([^<]*)</span>', text) == [f"{team.rui.name}-model"]
    assert f"Uso de {team.rui.name}-model estimado -11" in await said(rui)


async def test_entries_come_a_page_at_a_time(rui: httpx.AsyncClient, team: Team) -> None:
    for number in range(ENTRIES + 1):
        await team.use(team.rui, 1 + number)
        await team.use(team.eva, 7)
    first = (await rui.get(f"{ME}/entries")).text
    (older,) = set(re.findall(r"/me/entries\?before=([0-9a-f-]+)", first))
    assert older == str(team.rui.calls[2])
    second = await rui.get(f"{ME}/entries?before={older}", headers={"hx-request": "true"})
    assert (second.text.count("<tr>"), "<html" in second.text) == (3, False)
    assert (await rui.get(f"{ME}/entries?before=1")).status_code == 400


async def test_his_refusals_are_explained_without_what_others_held(rui: httpx.AsyncClient, team: Team) -> None:
    page = await said(rui, "/refusals")
    assert f"{team.rui.name} was told" in page
    assert "777" not in page
    assert "999" not in page, "the figures of the team at that moment"


async def test_a_link_opens_his_share_once(browser: httpx.AsyncClient, team: Team) -> None:
    link = team.link(team.rui)
    assert (await browser.get(link)).status_code == 200
    assert "700" in await said(browser)
    browser.cookies.clear()
    assert (await browser.get(link)).status_code == 403


async def test_his_language_is_his_browser_s_and_the_rest_is_for_administrators(
    rui: httpx.AsyncClient, team: Team
) -> None:
    assert "O que o administrador da equipe define" in await said(rui, "/settings")
    answer = await rui.post(f"{ME}/look", data={"language": "en", "next": "/me/settings"})
    assert answer.headers["location"] == f"{ME}/settings"
    assert '<html lang="en"' in (await rui.get(f"{ME}/settings")).text
    assert "What your team's administrator sets" in await said(rui, "/settings")
    answer = await send(rui, "/settings", locale="en", mails="1")
    assert answer.status_code == 403
    unchanged = await team.books.actions.preferences(team.id)
    assert unchanged.chat_notices is True


async def test_the_key_of_another_member_by_now_shows_neither(
    rui: httpx.AsyncClient, keys: TeamKeys, team: Team
) -> None:
    keys.given[team.rui.key] = team.eva.key
    answer = await rui.get(ME)
    assert answer.status_code == 401
    assert team.eva.name not in answer.text


async def test_signing_out_everywhere_ends_the_sessions_of_one_member(
    rui: httpx.AsyncClient, host: FastAPI, team: Team
) -> None:
    transport = httpx.ASGITransport(app=host)
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://proxy") as phone,
        httpx.AsyncClient(transport=transport, base_url="http://proxy") as other,
    ):
        await phone.get(team.link(team.rui))
        await entered(other, team.eva)
        assert (await send(rui, "/leave-everywhere")).status_code == 303
        assert [(await each.get(ME)).status_code for each in (rui, phone, other)] == [401, 401, 200]


async def test_files_have_his_rows_alone(rui: httpx.AsyncClient, team: Team) -> None:
    rows = list(csv.DictReader(io.StringIO(read(await rui.get(f"{ME}/entries.csv")).removeprefix("\ufeff"))))
    assert [(each["model"], each["tokens"]) for each in rows] == [(f"{team.rui.name}-model", "-300")]
    rows = list(csv.DictReader(io.StringIO(read(await rui.get(f"{ME}/usage.csv")).removeprefix("\ufeff"))))
    assert [each["charge"] for each in rows] == ["300"]
    document = json.loads(read(await rui.get(f"{ME}/data.json")))
    headers = {"Authorization": f"Bearer {team.rui.key}"}
    exported = (await rui.get(f"{API}/export", headers=headers)).json()
    assert document == exported
    assert (document["email"], document["complete"]) == (f"{team.rui.name}@example.org", True)
    assert [each["id"] for each in document["calls"]] == [str(team.rui.calls[0])]
    assert [(each["id"], each["figures"], each["holders"]) for each in document["refusals"]] == [
        (str(team.rui.refused[0]), None, None)
    ]
    assert document["team"]["remaining"] == 965_466


async def test_the_api_says_the_same(rui: httpx.AsyncClient, team: Team) -> None:
    async def get(path: str) -> httpx.Response:
        return await rui.get(f"{API}{path}", headers={"Authorization": f"Bearer {team.rui.key}"})

    me = (await get("")).json()
    assert (me["held"], me["email"], me["credits"]["lots"]) == (0, None, [])
    calls = (await get("/calls")).json()
    assert [(each["id"], each["tokens"]) for each in calls["data"]] == [(str(team.rui.calls[0]), 300)]
    assert (await get("/entries")).status_code == 403
    assert (await get("/preferences")).json()["chat_notices"] is True
    put = await rui.put(
        f"{API}/preferences", json={"locale": "en"}, headers={"Authorization": f"Bearer {team.rui.key}"}
    )
    assert put.status_code == 403


async def test_one_who_has_not_asked_yet_sees_an_empty_share(browser: httpx.AsyncClient, team: Team) -> None:
    await entered(browser, Member(team.name, "new-one"))
    in_english(browser)
    page = await said(browser)
    assert "Used by you 0" in page
    assert "new-one" in page


async def test_a_user_s_own_refusals_are_in_his_export(
    browser: httpx.AsyncClient, books: PostgresLedger, team: Team
) -> None:
    refused = await team.refuse(team.rui)
    headers = {"Authorization": f"Bearer sk-user-{team.rui.name}"}
    exported = (await browser.get(f"{API}/export", headers=headers)).json()
    assert exported["refusals"] == [], "those of his own account are none of the team's"
    admin = {"Authorization": "Bearer sk-admin"}
    of_team = (await browser.get(f"/solaris/api/v1/accounts/{team.id}/export", headers=admin)).json()
    assert str(refused.refusal_id) in [each["id"] for each in of_team["refusals"]]


async def test_a_grant_to_the_team_is_told_to_nobody_with_its_words(rui: httpx.AsyncClient, team: Team) -> None:
    await team.books.grant_credits(Grant(team.id, 9, "a word about somebody", "admin:root", f"{team.name}-2"))
    for path in ("", "/entries", "/data.json"):
        assert "a word about somebody" not in read(await rui.get(f"{ME}{path}"))


async def test_an_administrator_forgets_a_member(rui: httpx.AsyncClient, team: Team) -> None:
    admin = {"Authorization": "Bearer sk-admin"}
    path = f"/solaris/api/v1/accounts/{team.id}/members/{team.rui.id}/erase"
    slip = await rui.post(path, json={"confirm": team.id, "reason": "request 12"}, headers=admin)
    assert slip.status_code == 400
    done = await rui.post(path, json={"confirm": team.rui.id, "reason": "request 12"}, headers=admin)
    assert done.status_code == 200, done.text
    unknown = await rui.post(
        path.replace(team.rui.name, "none"), json={"confirm": "user:none", "reason": "r"}, headers=admin
    )
    assert unknown.status_code == 404
    in_english(rui)
    assert "Your own limit is used up." in await said(rui)
    assert f"{team.rui.name} asks" not in await said(rui)
