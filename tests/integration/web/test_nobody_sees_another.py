"""One user can never see another's: by no id, no link, no cache, and by no difference in what is done for him.

How long an answer takes is not measured here. What takes time is what the books are asked: a request for another's id
asks them the same, in the same order, as one for an id that does not exist, and gets the same answer to the byte.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from uuid_utils.compat import uuid7

from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.settings import Settings
from solaris_hooks.web.api import mount
from solaris_hooks.web.links import Tickets
from solaris_hooks.web.site import build_site
from tests.integration.web.asking import form_token
from tests.integration.web.conftest import SECRETS
from tests.integration.web.team import (
    API,
    API_PATHS,
    ME,
    PAGES,
    Member,
    Team,
    TeamKeys,
    asked_of_the_books,
    entered,
    read,
)

_VARIES = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|value=\"[0-9a-f]{32,64}\"")
"""What an answer repeats of the request, and values that forms have anew each time."""


@pytest.fixture
def host(books: PostgresLedger, settings: Settings) -> FastAPI:
    made = FastAPI()
    mount(made, build_site(books, TeamKeys(), settings, secrets=SECRETS).app)
    return made


@pytest.fixture
async def team(books: PostgresLedger) -> Team:
    made = Team(books)
    await made.live()
    return made


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def told(answer: httpx.Response) -> tuple[int, list[tuple[str, str]], str]:
    """All that an answer tells: status, headers, and every byte but for what varies by itself."""
    return answer.status_code, sorted(answer.headers.items()), _VARIES.sub("", answer.text)


# ------------------------------------------------------------------ members of one team


@pytest.mark.parametrize("path", PAGES)
async def test_no_page_or_file_of_a_member_has_anything_of_another(
    browser: httpx.AsyncClient, team: Team, path: str
) -> None:
    for client, own, other in ((browser, team.rui, team.eva), (browser, team.eva, team.rui)):
        await entered(client, own)
        text = read(await client.get(f"{ME}{path}"))
        assert [mark for mark in other.marks if mark in text] == []
        assert "boss@example.org" not in text
        if path not in {"/usage.xlsx", "/settings"}:
            assert own.name in text


@pytest.mark.parametrize("path", API_PATHS)
async def test_no_answer_of_the_api_to_a_member_has_anything_of_another(
    browser: httpx.AsyncClient, team: Team, path: str
) -> None:
    for own, other in ((team.rui, team.eva), (team.eva, team.rui)):
        text = read(await browser.get(f"{API}{path}", headers=bearer(own.key)))
        assert [mark for mark in other.marks if mark in text] == []
        assert "boss@example.org" not in text
        assert "777001" not in text, "what others held"


async def test_a_link_of_one_shows_nothing_of_another(browser: httpx.AsyncClient, team: Team) -> None:
    assert (await browser.get(team.link(team.rui))).status_code == 200
    for path in PAGES:
        text = read(await browser.get(f"{ME}{path}"))
        assert [mark for mark in team.eva.marks if mark in text] == []


async def test_the_words_of_one_s_form_do_not_lead_to_another_s_request(browser: httpx.AsyncClient, team: Team) -> None:
    for member in (team.rui, team.eva):
        await entered(browser, member)
        token = form_token((await browser.get(ME)).text)
        form = {"form_token": token, "tokens": "8", "reason": f"{member.name} writes", "once": "same"}
        assert (await browser.post(f"{ME}/requests", data=form)).status_code == 303
    for member in (team.rui, team.eva):
        newest = (await team.books.requests.find(account_id=team.id, requested_by=member.id))[0]
        assert newest.reason == f"{member.name} writes"


# ------------------------------------------------------------------ another's id, and one that does not exist


def _paths(path: str, other: Member) -> tuple[str, str]:
    """An address with an id of another's, and with one that does not exist."""
    found: dict[str, Sequence[UUID]] = {"refusals": other.refused, "entries": other.calls}
    name = path.split("?", maxsplit=1)[0].rpartition("/")[2]
    return path.format(id=found[name][0]), path.format(id=uuid7())


@pytest.mark.parametrize("path", ["/entries?before={id}", "/refusals?before={id}"])
async def test_pages_after_another_s_id_are_as_after_one_that_does_not_exist(
    browser: httpx.AsyncClient, team: Team, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    await team.use(team.rui, 5)
    await team.use(team.eva, 6)
    await team.refuse(team.eva)
    team.eva.calls.reverse()
    await entered(browser, team.rui)
    answers, asked = [], []
    for each in _paths(path, team.eva):
        with asked_of_the_books(monkeypatch) as names:
            answers.append(await browser.get(f"{ME}{each}"))
        asked.append(list(names))
    assert asked[0] == asked[1]
    assert [each.status_code for each in answers] == [200, 200]
    assert team.eva.name not in answers[0].text


@pytest.mark.parametrize("whose", ["member", "user"])
async def test_withdrawing_another_s_request_is_as_withdrawing_none(
    browser: httpx.AsyncClient, team: Team, monkeypatch: pytest.MonkeyPatch, whose: str
) -> None:
    if whose == "member":
        await entered(browser, team.rui)
        key = team.rui.key
    else:
        key = f"sk-user-{team.rui.name}"
        assert (await browser.post(f"{ME}/sign-in", data={"key": key})).status_code == 303
    token = form_token((await browser.get(ME)).text)
    answers, asked = [], []
    for wanted in (team.eva.request, uuid4()):
        with asked_of_the_books(monkeypatch) as names:
            page = await browser.post(f"{ME}/requests/{wanted}/cancel", data={"form_token": token})
            api = await browser.post(f"{API}/requests/{wanted}/cancel", headers=bearer(key))
        assert (page.status_code, api.status_code) == (404, 404)
        answers.append((told(page), told(api)))
        asked.append(list(names))
    assert asked[0] == asked[1]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("key", ["member", "user"])
@pytest.mark.parametrize(
    "path", ["/calls?before={id}", "/refusals?before={id}", "/refusals?limit=1&before={id}", "/requests?before=1"]
)
async def test_cursors_of_the_api_tell_nothing_of_another_s_ids(
    browser: httpx.AsyncClient, team: Team, monkeypatch: pytest.MonkeyPatch, path: str, key: str
) -> None:
    said = team.rui.key if key == "member" else f"sk-user-{team.rui.name}-alone"
    await browser.get(API, headers=bearer(said))  # so that there is an account
    newest = team.eva.calls[-1]
    answers, asked = [], []
    for wanted in (newest, uuid7()):
        with asked_of_the_books(monkeypatch) as names:
            answers.append(await browser.get(f"{API}{path.format(id=wanted)}", headers=bearer(said)))
        asked.append(list(names))
    assert asked[0] == asked[1]
    assert answers[0].content == answers[1].content
    assert sorted(answers[0].headers.items()) == sorted(answers[1].headers.items())


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/{account}",
        "/accounts/{account}/entries",
        "/accounts/{account}/members",
        "/accounts/{account}/members/{member}",
        "/accounts/{account}/export",
        "/refusals/{refusal}",
        "/requests/{request}",
    ],
)
async def test_addresses_with_another_s_ids_are_as_those_with_none(
    browser: httpx.AsyncClient, team: Team, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    other = team.eva
    known = {"account": team.id, "member": other.id, "refusal": other.refused[0], "request": other.request}
    unknown = {"account": "team:none", "member": "user:none", "refusal": uuid7(), "request": uuid4()}
    answers = []
    for ids in (known, unknown):
        with asked_of_the_books(monkeypatch) as names:
            answers.append(
                told(await browser.get(f"/solaris/api/v1{path.format(**ids)}", headers=bearer(team.rui.key)))
            )
        assert names == [], "nobody looks before it is known who asks"
    assert answers[0] == answers[1]
    assert answers[0][0] == 403


async def test_links_that_do_not_open_are_all_alike(
    browser: httpx.AsyncClient, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of somebody else and of a team's member, used before; of nobody, used before; and forged ones of all."""
    tickets = Tickets(SECRETS, "statement", lifetime_seconds=900)
    ana = AccountId(f"user:ana-{team.name}")
    await team.books.put_account(ana, AccountChange(name="Ana"), actor="admin:root")
    tokens = [tickets.write(ana), tickets.write(team.id, team.eva.id)]
    for token in tokens:
        assert (await browser.get(ME, params={"token": token})).status_code == 200
    browser.cookies.clear()
    nobody = [
        tickets.write(AccountId(f"user:no-{team.name}")),
        tickets.write(AccountId(f"team:no-{team.name}"), team.eva.id),
    ]
    for token in nobody:
        assert (await browser.get(ME, params={"token": token})).status_code == 403
    for used, none in zip(tokens, nobody, strict=True):
        seen = []
        for token in (used, none):
            with asked_of_the_books(monkeypatch) as names:
                answer = await browser.get(ME, params={"token": token})
            seen.append((told(answer), list(names)))
        assert seen[0] == seen[1]
        assert seen[0][0][0] == 403
    forged = [token[:-3] + "AAA" for token in (*tokens, *nobody)]
    with asked_of_the_books(monkeypatch) as names:
        answers = [told(await browser.get(ME, params={"token": token})) for token in forged]
    assert (names, len({str(each) for each in answers})) == ([], 1)


# ------------------------------------------------------------------ caches


@pytest.mark.parametrize("path", PAGES)
async def test_no_cache_keeps_a_page_and_nothing_can_be_asked_whether_it_changed(
    browser: httpx.AsyncClient, team: Team, path: str
) -> None:
    await entered(browser, team.rui)
    answer = await browser.get(f"{ME}{path}", headers={"if-none-match": "*", "if-modified-since": "x"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert {"etag", "last-modified", "expires"} & set(answer.headers) == set()


@pytest.mark.parametrize("path", API_PATHS)
async def test_no_cache_keeps_an_answer_of_the_api(browser: httpx.AsyncClient, team: Team, path: str) -> None:
    answer = await browser.get(f"{API}{path}", headers={**bearer(team.rui.key), "if-none-match": "*"})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert {"etag", "last-modified", "expires"} & set(answer.headers) == set()
