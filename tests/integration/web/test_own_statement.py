"""What a statement shows is what the books say, and what its user does there reaches them."""

from __future__ import annotations

import csv
import datetime as dt
import html
import io
import re
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest
from fastapi import FastAPI

from solaris_hooks.credits.requests import CreditRequests
from solaris_hooks.ledger.account_actions import Message, Preferences, Reset
from solaris_hooks.ledger.audit_trail import AuditFilter
from solaris_hooks.ledger.credit_requests import RequestState
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, CreditOrigin, Entry, Grant, HoldRequest, NewAccount, Settlement
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.ids import AccountId, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource
from solaris_hooks.settings import CreditPackage, CreditRequestLimits, Settings
from solaris_hooks.web.api import mount
from solaris_hooks.web.pages.shown import ENTRIES
from solaris_hooks.web.site import build_site
from tests.integration.web.asking import form_token
from tests.integration.web.conftest import SECRETS
from tests.unit.web.asking import FakeAuthenticator

ME = "/solaris/me"
ZONE = ZoneInfo("America/Sao_Paulo")
PACKAGE = CreditPackage(name="Pequeno", tokens=500_000, price=Decimal("19.90"), currency="BRL")


@pytest.fixture
def settings(web_url: str) -> Settings:
    return Settings(
        database_url=web_url,
        public_url="http://proxy",
        credit_packages=[PACKAGE],
        credit_requests=CreditRequestLimits(),
    )


@dataclass
class Own:
    """Somebody with an account of this test's own, signed in."""

    books: PostgresLedger
    browser: httpx.AsyncClient
    name: str = field(default_factory=lambda: f"ana-{uuid4().hex[:8]}")

    @property
    def id(self) -> AccountId:
        return AccountId(f"user:{self.name}")

    async def use(self, tokens: int, model: str, source: UsageSource = UsageSource.PROVIDER) -> None:
        usage = Usage(tokens, 0)
        await self.books.settle(Settlement(self.id, new_hold_id(), model, tokens, usage, source))

    async def grant(self, tokens: int, origin: CreditOrigin = CreditOrigin.BONUS, **more: object) -> None:
        given = Grant(self.id, tokens, "obrigado", "admin:marta", uuid4().hex, origin, **more)  # type: ignore[arg-type]
        await self.books.grant_credits(given)

    async def page(self, path: str = "") -> str:
        answer = await self.browser.get(f"{ME}{path}")
        assert answer.status_code == 200, answer.text
        return answer.text

    async def send(self, path: str, **fields: object) -> httpx.Response:
        return await self.browser.post(f"{ME}{path}", data={"form_token": form_token(await self.page()), **fields})


@pytest.fixture
async def own(books: PostgresLedger, browser: httpx.AsyncClient) -> Own:
    made = Own(books, browser)
    await books.put_account(made.id, AccountChange(name="Ana Souza"), actor="admin:marta")
    answer = await browser.post(f"{ME}/sign-in", data={"key": f"sk-user-{made.name}"})
    assert answer.status_code == 303
    return made


def words(page: str) -> str:
    """What a page says, without its markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def number(text: str) -> int:
    """A number as Portuguese pages write it."""
    return int(text.strip().replace(".", "").replace("+", "").replace("\N{MINUS SIGN}", "-"))


def rows(page: str, after: str) -> list[list[str]]:
    """Cells of the first table's body after some text, without their markup."""
    body = page.split(after, 1)[1].split("<tbody>", 1)[1].split("</tbody>", 1)[0]
    return [
        [words(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)]
        for row in re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
    ]


async def all_entries(own: Own) -> list[Entry]:
    return list(await own.books.entries(own.id, limit=1000))


# ------------------------------------------------------------------ figures


async def test_every_figure_is_the_ledger_s(own: Own) -> None:
    for tokens, model in ((210_345, "gpt-4o"), (98_001, "claude-sonnet-4-5"), (7, "gpt-4o"), (300_123, "gemini")):
        await own.use(tokens, model)
    await own.use(11, "gemini", UsageSource.ESTIMATE)
    await own.grant(50_000, expires_at=dt.datetime.now(dt.UTC) + dt.timedelta(days=20))
    await own.grant(150_000, CreditOrigin.PURCHASE)
    await own.use(400_000, "gpt-4o")
    held = HoldRequest(own.id, new_hold_id(), "gpt-4o", 4_096, 10, 10, 600, new_account=NewAccount())
    await own.books.hold(held)

    page = await own.page()
    account = await own.books.account(own.id)
    assert account is not None
    balance = account.balance
    said = words(page)
    shown = re.search(r"Restam ([\d.]+) de ([\d.]+) tokens", said)
    assert shown
    assert [number(each) for each in shown.groups()] == [balance.remaining, balance.limit]
    assert balance.remaining == 191_513
    assert f"{balance.use_percent}% usados." in said
    facts = re.findall(r"<div><dt>[^<]*</dt><dd>([^<]*)</dd></div>", page)
    assert [number(each) for each in facts] == [balance.used, balance.held, balance.credits_remaining]
    assert balance.held == 4_096
    assert f"A cota se renova em {balance.renews_at.astimezone(ZONE):%d/%m/%Y}." in said

    since, today = balance.period.start.astimezone(ZONE).date(), dt.datetime.now(ZONE).date()
    usage = await own.books.daily_usage(own.id, since=since, until=today)
    by_day, by_model, requests = Counter[str](), Counter[str](), Counter[str]()
    for each in usage:
        by_day[f"{each.day:%d/%m}"] += each.charge
        by_model[each.model] += each.charge
        requests[each.model] += each.requests
    table = rows(page, "por dia</figcaption>")
    assert [each[0] for each in table] == [
        f"{since + dt.timedelta(days=n):%d/%m}" for n in range((today - since).days + 1)
    ]
    assert Counter({name: number(tokens) for name, tokens in table if number(tokens)}) == by_day
    assert re.findall(r'data-value="(\d+)"', page) == [str(by_day[name]) for name, _ in table]
    assert sum(by_day.values()) == balance.used
    uses = re.findall(
        r'<span class="share-name">([^<]*)</span>\s*<span class="number">([^<]*)</span>.*?· (\d+) requisiç',
        page,
        re.DOTALL,
    )
    assert [(name, number(tokens), int(count)) for name, tokens, count in uses] == [
        (name, tokens, requests[name]) for name, tokens in by_model.most_common()
    ]
    assert "1 estimada" in said

    assert [number(each[2].split(" de ")[0]) for each in rows(page, 'id="credits"')] == [
        lot.remaining for lot in account.lots
    ]


async def test_all_entries_can_be_paged_through(own: Own) -> None:
    for n in range(ENTRIES * 2 + 3):
        await own.use(n + 1, f"model-{n}")
    read, path = [], "/entries"
    while path:
        page = await own.page(path)
        read += [(number(cells[2]), number(cells[3])) for cells in rows(page, 'id="entries"')]
        older = re.search(r'href="/solaris/me(/entries\?before=\d+)"', page)
        path = older[1] if older else ""
    entries = await all_entries(own)
    assert len(entries) == ENTRIES * 2 + 3 + 1, "the account was opened"
    assert read == [(each.tokens, each.allowance_after + each.credits_after - each.overage_after) for each in entries]
    assert "Não há nada mais antigo." in await own.page("/entries?before=1")


async def test_scripts_get_a_piece_of_it(own: Own) -> None:
    answer = await own.browser.get(f"{ME}/entries", headers={"hx-request": "true"})
    assert answer.text.lstrip().startswith('<div id="entries"')
    assert "<html" not in answer.text


async def test_what_is_taken_home_is_what_the_ledger_has(own: Own) -> None:
    await own.use(1_500, "=cmd|' /C calc'!A0")
    await own.grant(5)
    answer = await own.browser.get(f"{ME}/entries.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="solaris-entries.csv"'
    assert answer.text.startswith("\ufeff")
    table = list(csv.DictReader(io.StringIO(answer.text[1:])))
    entries = await all_entries(own)
    assert [(int(row["number"]), int(row["tokens"]), int(row["remaining"])) for row in table] == [
        (each.number, each.tokens, each.allowance_after + each.credits_after - each.overage_after) for each in entries
    ]
    assert [dt.datetime.fromisoformat(row["at"]) for row in table] == [
        each.at.replace(microsecond=0) for each in entries
    ]
    assert table[0]["entry"] == "Créditos recebidos: obrigado"
    usage = await own.browser.get(f"{ME}/usage.csv")
    (row,) = csv.DictReader(io.StringIO(usage.text[1:]))
    assert (row["charge"], row["requests"], row["input_tokens"]) == ("1500", "1", "1500")
    assert row["model"] == "'=cmd|' /C calc'!A0", "a spreadsheet computes nothing of what others have named"
    for name, count in (("entries", len(entries)), ("usage", 1)):
        book = await own.browser.get(f"{ME}/{name}.xlsx")
        with zipfile.ZipFile(io.BytesIO(book.content)) as parts:
            assert parts.read("xl/worksheets/sheet1.xml").count(b"<row ") == 1 + count


async def test_all_that_is_known_of_somebody_is_his_to_take(own: Own) -> None:
    await own.use(1_500, "gpt-4o")
    await own.send("/requests", package="Pequeno", reason="um")
    answer = await own.browser.get(f"{ME}/data.json")
    assert answer.headers["content-disposition"] == 'attachment; filename="solaris-data.json"'
    data = answer.json()
    assert data["complete"] is True
    assert (data["account"]["id"], data["account"]["allowance"]["used"]) == (own.id, 1_500)
    assert [each["number"] for each in data["entries"]] == [each.number for each in await all_entries(own)]
    assert [each["reason"] for each in data["requests"]] == ["um"]
    assert "admin:marta" not in answer.text, "nobody reads which administrator did what"


async def test_it_says_when_nothing_is_left_and_what_to_do(own: Own) -> None:
    await own.use(1_000_100, "gpt-4o")
    page = await own.page()
    assert "Restam 0 de 1.000.000 tokens" in words(page)
    assert "esgotada" in words(page)
    assert "Uso além do concedido" in words(page)
    assert '<details class="action" id="ask" open>' in page
    assert "Seus tokens acabaram." in words(page), "among the notices"


async def test_notices_are_told_in_the_account_s_language_and_as_text(own: Own) -> None:
    await own.use(850_000, "gpt-4o")
    await own.grant(5_000)
    asking = CreditRequests(own.books.requests, limits=CreditRequestLimits())
    asked = await asking.request(own.id, 7, "<script>alert(1)</script>", actor=own.id)
    await asking.reject(asked.request_id, actor="admin:marta", reason="<img src=x onerror=alert(1)>")
    await own.books.put_account(
        own.id, AccountChange(status=Status.SUSPENDED, status_reason="fatura <b>12</b>"), actor="admin:marta"
    )
    page = await own.page()
    for text in (
        "Você tinha usado 80% dos seus tokens.",
        "Você recebeu 5.000 tokens de créditos.",
        "Sua conta foi tirada de uso. fatura <b>12</b>",
        "Seu pedido de 7 tokens de créditos não foi aprovado: <img src=x onerror=alert(1)>",
        "Esta conta não pode usar tokens no momento. fatura <b>12</b>",
    ):
        assert text in html.unescape(page), text
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "<b>12" not in page
    assert "admin:marta" not in page, "who decided is nobody's business here"


# ------------------------------------------------------------------ asking for credits


async def test_a_package_is_asked_for_at_its_price(own: Own) -> None:
    assert "Pequeno · 500.000 tokens por R$ 19,90" in words(await own.page()).replace("\xa0", " ")
    answer = await own.send("/requests", package="Pequeno", tokens="", reason="fechamento", once="a")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{ME}?done=asked#credits")
    assert "Seu pedido foi enviado" in await own.page("?done=asked")
    (asked,) = await own.books.requests.find(account_id=own.id)
    assert (asked.tokens, asked.package, asked.price, asked.requested_by) == (
        500_000,
        "Pequeno",
        Decimal("19.90"),
        own.id,
    )
    page = words(await own.page())
    assert "aguardando" in page
    assert "Pequeno · R$ 19,90" in page.replace("\xa0", " ")


@pytest.mark.parametrize("typed", ["200000", "200.000", "200,000", " 200 000 "])
async def test_or_any_number_of_tokens_however_it_is_written(own: Own, typed: str) -> None:
    assert (await own.send("/requests", package="", tokens=typed, reason="projeto X")).status_code == 303
    (asked,) = await own.books.requests.find(account_id=own.id)
    assert (asked.tokens, asked.package, asked.reason) == (200_000, None, "projeto X")


async def test_a_double_click_asks_once(own: Own) -> None:
    for _ in range(2):
        assert (await own.send("/requests", package="Pequeno", reason="x", once="same")).status_code == 303
    assert len(await own.books.requests.find(account_id=own.id)) == 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"package": "", "tokens": "muitos", "reason": "x"}, "de 1 a 10.000.000 tokens"),
        ({"package": "", "tokens": "", "reason": "x"}, "de 1 a 10.000.000 tokens"),
        ({"package": "", "tokens": "0", "reason": "x"}, "de 1 a 10.000.000 tokens"),
        ({"package": "", "tokens": "10000001", "reason": "x"}, "de 1 a 10.000.000 tokens"),
        ({"package": "", "tokens": "-5", "reason": "x"}, "de 1 a 10.000.000 tokens"),
        ({"package": "", "tokens": "9" * 200, "reason": "x"}, "de 1 a 10.000.000 tokens"),
        ({"package": "", "tokens": "5", "reason": " \u200b\n "}, "até 500 caracteres"),
        ({"package": "", "tokens": "5", "reason": "y" * 501}, "até 500 caracteres"),
        ({"package": "Enorme", "tokens": "5", "reason": "x"}, "Não há um pacote de créditos"),
    ],
)
async def test_what_cannot_be_asked_for_is_said_on_the_page_and_what_was_typed_stays(
    own: Own, fields: dict[str, str], said: str
) -> None:
    answer = await own.send("/requests", **fields)
    assert answer.status_code == 400
    problem = re.search(r'<p class="notice bad" role="alert" id="problem">([^<]*)</p>', answer.text)
    assert problem
    assert said in html.unescape(problem[1])
    assert '<details class="action" id="ask" open>' in answer.text
    assert f'value="{fields["tokens"].strip()}"' in answer.text
    assert f">{fields['reason'].strip()}</textarea>" in answer.text
    assert await own.books.requests.find(account_id=own.id) == []


async def test_nobody_floods_the_administrators(own: Own) -> None:
    limit = CreditRequestLimits().open_limit
    for _ in range(limit):
        assert (await own.send("/requests", package="Pequeno", reason="x")).status_code == 303
    answer = await own.send("/requests", package="", tokens="7", reason="mais <uma>")
    assert answer.status_code == 429
    assert "Você já tem pedidos" in words(answer.text)
    assert "mais &lt;uma&gt;</textarea>" in answer.text
    assert len(await own.books.requests.find(account_id=own.id)) == limit


async def test_an_open_request_can_be_withdrawn_and_a_decided_one_stays(own: Own) -> None:
    await own.send("/requests", package="Pequeno", reason="um")
    page = await own.page()
    path = re.search(r'action="/solaris/me(/requests/[0-9a-f-]+/cancel)"', page)
    assert path
    assert (await own.send(path[1])).headers["location"] == f"{ME}?done=cancelled#credits"
    (asked,) = await own.books.requests.find(account_id=own.id)
    assert (asked.state, asked.decided_by) == (RequestState.CANCELLED, own.id)
    assert "retirado" in words(await own.page())
    await own.send("/requests", package="Pequeno", reason="dois")
    asking = CreditRequests(own.books.requests, limits=CreditRequestLimits())
    second = (await own.books.requests.find(account_id=own.id))[0]
    await asking.approve(second.request_id, actor="admin:marta", tokens=1_000)
    answer = await own.send(f"/requests/{second.request_id}/cancel")
    assert answer.headers["location"] == f"{ME}?done=decided#credits"
    page = words(await own.page("?done=decided"))
    assert "já tinha sido decidido" in page
    assert "aprovado 1.000 tokens foram concedidos." in page
    assert "A seu pedido" in page


async def test_where_nobody_may_ask_there_is_no_form(books: PostgresLedger, own: Own, web_url: str) -> None:
    closed = Settings(database_url=web_url, credit_requests=CreditRequestLimits(open_limit=0))
    app = FastAPI()
    mount(app, build_site(books, FakeAuthenticator(), closed, secrets=SECRETS).app)
    own.browser._transport = httpx.ASGITransport(app=app)
    assert 'id="ask"' not in await own.page()


# ------------------------------------------------------------------ settings


async def test_the_language_is_the_account_s_and_its_user_may_change_it(own: Own) -> None:
    assert '<html lang="pt-BR"' in await own.page()
    answer = await own.send("/settings", locale="en", mails="1", chat_notices="1")
    assert answer.headers["location"] == f"{ME}/settings?done=saved"
    page = await own.page("/settings?done=saved")
    assert '<html lang="en"' in page
    assert "Saved." in page
    (change, *_) = await own.books.trail.records(AuditFilter(account_id=own.id), limit=5)
    assert (change.actor, change.after) == (own.id, {"locale": "en"})
    own.browser.cookies.set("solaris_language", "pt_BR")
    assert '<html lang="en"' in await own.page(), "a browser's own choice is for those whom nobody knows"
    assert (await own.send("/settings", locale="xx", mails="1")).status_code == 400
    assert (await own.books.actions.preferences(own.id)) == Preferences("en", mails=True, chat_notices=True)


@pytest.mark.parametrize(("mails", "chat_notices"), [(True, False), (False, True), (False, False), (True, True)])
async def test_its_user_says_how_he_is_told(own: Own, mails: bool, chat_notices: bool) -> None:  # noqa: FBT001
    marked = {"mails": "1"} if mails else {}
    marked |= {"chat_notices": "1"} if chat_notices else {}
    assert (await own.send("/settings", locale="pt_BR", **marked)).status_code == 303
    assert await own.books.actions.preferences(own.id) == Preferences("pt_BR", mails, chat_notices)
    account = await own.books.account(own.id)
    assert account is not None
    assert account.notices is chat_notices
    page = await own.page("/settings")
    boxes = re.findall(r'<input type="checkbox" name="(\w+)" value="1"( checked)?>', page)
    assert boxes == [
        ("mails", " checked" if mails else ""),
        ("chat_notices", " checked" if chat_notices else ""),
    ]


async def test_a_message_and_a_reset_are_among_the_notices(own: Own) -> None:
    await own.use(1_500, "gpt-4o")
    await own.books.actions.send(Message(own.id, "No sábado o serviço <b>para</b>.", "admin:marta", "m"))
    await own.books.actions.reset(Reset(own.id, "falha nossa", "admin:marta", "r"))
    page = html.unescape(await own.page())
    assert "Mensagem do administrador: No sábado o serviço <b>para</b>." in page
    assert "Seu uso deste período foi zerado. falha nossa" in page
    assert "<b>para" not in await own.page()
    assert "Restam 1.000.000 de 1.000.000 tokens" in words(page)


async def test_the_colours_are_the_browser_s(own: Own) -> None:
    await own.browser.post(f"{ME}/look", data={"theme": "dark", "next": "/me/settings"})
    assert 'data-theme="dark"' in await own.page("/settings")
