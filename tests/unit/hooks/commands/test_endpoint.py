"""Commands over the in-memory ledger, asked as a client would, in front of a router that stands for LiteLLM's."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from solaris_hooks.hooks.commands.desk import Desk
from solaris_hooks.hooks.commands.endpoint import SLICE_BYTES, AnsweredHere, Asker
from solaris_hooks.hooks.guard import SERVED_BY
from solaris_hooks.hooks.refusal_log import RefusalLog
from solaris_hooks.ledger.members import LimitChange
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.records import Account, AccountChange, Grant, HoldRequest, Plan, Settlement
from solaris_hooks.ledger.refusal_records import RefusalReason
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.errors import LedgerUnavailableError, SolarisError
from solaris_hooks.quota.ids import AccountId, MemberId, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource

NOW = dt.datetime(2026, 11, 22, 12, 0, tzinfo=dt.UTC)
ANA = AccountId("user:ana")
TEAM = AccountId("team:red")
RUI, EVA = MemberId("user:rui"), MemberId("user:eva")
SERVES = {
    "/v1/chat/completions": "chat_completion",
    "/v1/responses": "responses_api",
    "/v1/messages": "anthropic_response",
    "/v1/embeddings": "embeddings",
}


class Counter:
    """Takes every request for credits."""

    def __init__(self) -> None:
        self.asked: list[tuple[AccountId, int, str]] = []

    def offers(self, locale: str) -> str:
        return "Pacotes: ..."

    async def ask(self, account: Account, tokens: int, reason: str) -> str:
        self.asked.append((account.balance.account_id, tokens, reason))
        return "Pedido anotado."


class Scene:
    """A proxy of three chat routes, and what LiteLLM was asked."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger(now=lambda: NOW)
        self.passed: list[bytes] = []
        self.counter = Counter()
        self.known = True
        self.member: MemberId | None = None
        self.refusals = MemoryLedger().refusals
        self.log = RefusalLog(self.refusals, keep=dt.timedelta(days=90), locale="pt_BR", now=lambda: NOW)
        self.desk = Desk(
            books=self.ledger,
            link_of=lambda account, member=None: (
                f"https://proxy.example.com/solaris/me?token={account}{f' as {member}' if member else ''}"
            ),
            counter=self.counter,
            open_accounts=True,
            default_locale="pt_BR",
        )

    async def litellm(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.passed.append(await Request(scope, receive).body())
        await PlainTextResponse("the model")(scope, receive, send)

    async def asker(self, scope: Scope) -> Asker:
        if not self.known:
            raise SolarisError("nobody")
        return Asker(ANA if self.member is None else TEAM, "ana@example.org", self.member)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[SERVED_BY] = SERVES[scope["path"]]
        await AnsweredHere(self.litellm, desk=self.desk, asker=self.asker, log=self.log)(scope, receive, send)

    async def use(self, charge: int) -> None:
        settlement = Settlement(ANA, new_hold_id(), "gpt_4o", charge, Usage(charge, 0), UsageSource.PROVIDER)
        await self.ledger.settle(settlement)


@pytest.fixture
async def scene() -> Scene:
    made = Scene()
    await made.ledger.put_account(ANA, AccountChange(), actor="admin:a")
    return made


@pytest.fixture
async def client(scene: Scene) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=scene.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://proxy") as client:
        yield client


async def ask(client: httpx.AsyncClient, text: Any, **more: Any) -> str:
    body = {"model": "demo", "messages": [{"role": "user", "content": text}], **more}
    answer = await client.post("/v1/chat/completions", json=body)
    assert answer.headers["x-solaris-answer"] == "command"
    said: str = answer.json()["choices"][0]["message"]["content"]
    return said


async def test_the_balance_is_told_in_the_accounts_language(scene: Scene, client: httpx.AsyncClient) -> None:
    await scene.use(420_000)
    said = await ask(client, "/balance")
    assert said == (
        "**Saldo**\n\n`████████░░░░░░░░░░░░` 42%\n\n"
        "|  | Tokens |\n|---|---:|\n"
        "| Usados neste período | 420.000 |\n| Concedidos | 1.000.000 |\n| Restantes | 580.000 |\n\n"
        "A cota se renova em 01/12/2026.\n\n"
        "[Abrir o extrato](https://proxy.example.com/solaris/me?token=user:ana)"
    )
    await scene.ledger.put_account(ANA, AccountChange(locale="en"), actor="admin:a")
    assert "| Remaining | 580,000 |" in await ask(client, "/saldo")
    assert scene.passed == []


async def test_credits_holds_and_suspension_are_told(scene: Scene, client: httpx.AsyncClient) -> None:
    await scene.ledger.grant_credits(
        Grant(ANA, 50_000, "r", "admin:a", "k", expires_at=dt.datetime(2026, 11, 30, 15, tzinfo=dt.UTC))
    )
    await scene.ledger.hold(HoldRequest(ANA, new_hold_id(), "m", 1024, 1, 1, 60))
    await scene.ledger.put_account(
        ANA, AccountChange(status=Status.SUSPENDED, status_reason="fatura\n*vencida*"), actor="admin:a"
    )
    said = await ask(client, "/saldo")
    assert "Sua conta está suspensa: fatura \\*vencida\\*" in said
    assert "| Reservados por pedidos em andamento | 1.024 |" in said
    assert "| Créditos, entre os restantes | 50.000 |" in said
    assert "50.000 tokens de créditos vencem em 30/11/2026." in said


async def test_the_statement_is_by_model_and_by_day(scene: Scene, client: httpx.AsyncClient) -> None:
    await scene.use(1000)
    await scene.use(500)
    said = await ask(client, [{"type": "text", "text": "/Extrato"}])
    assert "1.500 tokens desde 01/11/2026, em 2 pedidos." in said
    assert "| gpt\\_4o | 1.500 |" in said
    assert "| 22/11 | 1.500 |" in said


async def test_an_exhausted_account_is_answered_too(scene: Scene, client: httpx.AsyncClient) -> None:
    await scene.use(1_000_100)
    said = await ask(client, "/saldo")
    assert f"`{'█' * 20}` 100%" in said
    assert "| Usados além do concedido | 100 |" in said


async def test_credits_are_shown_and_asked_for(scene: Scene, client: httpx.AsyncClient) -> None:
    assert "Você não tem créditos." in await ask(client, "/creditos")
    assert "Pacotes: ..." in await ask(client, "/creditos")
    assert "Pedido anotado." in await ask(client, "/creditos 200 mil projeto X")
    assert "Não entendi" in await ask(client, "/creditos projeto X")
    assert scene.counter.asked == [(ANA, 200_000, "projeto X")]


async def test_the_same_answer_comes_whole_and_streamed_on_every_route(scene: Scene) -> None:
    """Read by the official clients, so that what they take is what is sent."""
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=scene.app))
    openai_client = openai.AsyncOpenAI(base_url="http://proxy/v1", api_key="k", http_client=http)
    # Anthropic's client is built on a library of its own.
    other_http = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=scene.app))
    anthropic_client = anthropic.AsyncAnthropic(base_url="http://proxy", api_key="k", http_client=other_http)
    said = set()

    whole = await openai_client.chat.completions.create(model="demo", messages=[{"role": "user", "content": "/ajuda"}])
    assert whole.usage is not None
    assert whole.usage.total_tokens == 0
    said.add(whole.choices[0].message.content)
    chunks = [
        chunk
        async for chunk in await openai_client.chat.completions.create(
            model="demo",
            messages=[{"role": "user", "content": "/ajuda"}],
            stream=True,
            stream_options={"include_usage": True},
        )
    ]
    said.add("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices))
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 0

    said.add((await openai_client.responses.create(model="demo", input="/ajuda")).output_text)
    async with openai_client.responses.stream(model="demo", input="/ajuda") as stream:
        said.add((await stream.get_final_response()).output_text)

    message = await anthropic_client.messages.create(
        model="demo", max_tokens=5, messages=[{"role": "user", "content": "/ajuda"}]
    )
    said.add(message.content[0].text)  # type: ignore[union-attr]
    async with anthropic_client.messages.stream(
        model="demo", max_tokens=5, messages=[{"role": "user", "content": "/ajuda"}]
    ) as stream_of_messages:
        said.add(await stream_of_messages.get_final_text())
    await http.aclose()
    await other_http.aclose()

    (text,) = said
    assert text is not None
    assert text.startswith("**Ajuda**\n\n- `/saldo`: ")
    assert scene.passed == []


async def test_a_title_of_a_command_is_answered_and_commands_in_it_are_not_carried_out(
    scene: Scene, client: httpx.AsyncClient
) -> None:
    prompt = "Give a title.\n\nUser: /creditos 5000 projeto\nAI: **Créditos**\n\nPedido anotado."
    answer = await client.post(
        "/v1/chat/completions", json={"model": "demo", "messages": [{"role": "user", "content": prompt}]}
    )
    assert answer.headers["x-solaris-answer"] == "title"
    assert answer.json()["choices"][0]["message"]["content"] == "Créditos"
    assert scene.counter.asked == []
    schema: dict[str, Any] = {"properties": {"title": {}, "language": {}}}
    answer = await client.post(
        "/v1/chat/completions",
        json={
            "model": "demo",
            "messages": [{"role": "user", "content": prompt}],
            "tools": [{"type": "function", "function": {"name": "extract", "parameters": schema}}],
        },
    )
    (call,) = answer.json()["choices"][0]["message"]["tool_calls"]
    assert call["function"]["name"] == "extract"
    assert json.loads(call["function"]["arguments"]) == {"title": "Créditos", "language": "Portuguese"}


@pytest.mark.parametrize("path", SERVES)
async def test_everything_else_passes_as_it_is(scene: Scene, client: httpx.AsyncClient, path: str) -> None:
    bodies = [
        json.dumps({"messages": [{"role": "user", "content": "what is /saldo?"}], "input": "what is /saldo?"}).encode(),
        b"/saldo, but no JSON",
        b"[1]",
        b"",
    ]
    for body in bodies:
        assert (await client.post(path, content=body)).text == "the model"
    assert scene.passed == bodies


async def test_a_command_after_megabytes_of_images_is_found(scene: Scene, client: httpx.AsyncClient) -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A/" * 1_000_000}}
    messages = [{"role": "user", "content": [image]}, {"role": "user", "content": "/saldo"}]

    async def in_pieces() -> AsyncIterator[bytes]:
        body = json.dumps({"model": "demo", "messages": messages}).encode()
        for at in range(0, len(body), 65_536):
            yield body[at : at + 65_536]

    answer = await client.post("/v1/chat/completions", content=in_pieces())
    assert answer.headers["x-solaris-answer"] == "command"


@pytest.mark.parametrize("cut", range(len("/saldo") + 1))
async def test_a_command_is_found_wherever_the_bytes_are_cut(scene: Scene, client: httpx.AsyncClient, cut: int) -> None:
    """They are searched slice by slice, so that a body of many slashes keeps nobody else waiting."""

    def body_with(slashes: int) -> str:
        messages = [{"role": "system", "content": "/" * slashes}, {"role": "user", "content": "/saldo"}]
        return json.dumps({"messages": messages, "model": "demo"})

    body = body_with(SLICE_BYTES - cut - body_with(0).index("/saldo"))
    assert body.rindex("/saldo") == SLICE_BYTES - cut
    answer = await client.post("/v1/chat/completions", content=body.encode())
    assert answer.headers["x-solaris-answer"] == "command"


async def test_a_key_that_nobody_knows_is_left_to_litellm(scene: Scene, client: httpx.AsyncClient) -> None:
    scene.known = False
    body = {"messages": [{"role": "user", "content": "/saldo"}]}
    assert (await client.post("/v1/chat/completions", json=body)).text == "the model"


async def test_without_the_books_a_sentence_says_so(
    scene: Scene, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(account_id: AccountId) -> Account | None:
        raise LedgerUnavailableError

    monkeypatch.setattr(scene.ledger, "account", away)
    assert "fora do ar" in await ask(client, "/saldo")
    await scene.log.write()
    (kept,) = scene.refusals.records.values()
    assert (kept.account_id, kept.reason, kept.call_type) == (ANA, RefusalReason.UNAVAILABLE, "command")
    assert "fora do ar" in kept.message


async def test_a_user_who_was_never_seen_gets_an_account_or_is_told(scene: Scene, client: httpx.AsyncClient) -> None:
    fresh = Scene()
    transport = httpx.ASGITransport(app=fresh.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://proxy") as other:
        assert "| Concedidos | 1.000.000 |" in await ask(other, "/saldo")
    closed = Scene()
    closed.desk._open_accounts = False
    transport = httpx.ASGITransport(app=closed.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://proxy") as other:
        assert "ainda não tem uma conta" in await ask(other, "/saldo")
    assert await closed.ledger.account(ANA) is None


async def of_team(scene: Scene, limit: int | None = 1000) -> None:
    """From now on Rui asks, of a team in which Eva has used 500 and he 420."""
    await scene.ledger.put_plan(Plan("default", 10_000), actor="admin:a")
    await scene.ledger.put_account(TEAM, AccountChange(locale="en"), actor="admin:a")
    await scene.ledger.members.put_limit(LimitChange(TEAM, "admin:a", limit=limit))
    for member, charge in ((RUI, 420), (EVA, 500)):
        settlement = Settlement(
            TEAM, new_hold_id(), "gpt", charge, Usage(charge, 0), UsageSource.PROVIDER, member_id=member
        )
        await scene.ledger.settle(settlement)
    scene.member = RUI


async def test_a_member_reads_his_own_figures_and_then_the_teams(scene: Scene, client: httpx.AsyncClient) -> None:
    await of_team(scene)
    said = await ask(client, "/saldo")
    assert said.startswith(
        "**Balance**\n\n`████████░░░░░░░░░░░░` 42%\n\n"
        "|  | Tokens |\n|---|---:|\n"
        "| Used this period | 420 |\n| Your limit in the team | 1,000 |\n| Remaining | 580 |\n"
        "| Used by the team | 920 |\n| Granted to the team | 10,000 |\n| Remaining to the team | 9,080 |\n"
    )
    assert "(https://proxy.example.com/solaris/me?token=team:red as user:" in said, "the link is his own"
    assert "420 tokens since" in await ask(client, "/statement")
    assert "500" not in await ask(client, "/extrato"), "what others use is not his to read"


async def test_a_member_without_a_limit_has_what_the_team_has(scene: Scene, client: httpx.AsyncClient) -> None:
    await of_team(scene, limit=None)
    said = await ask(client, "/saldo")
    assert "| Your limit in the team | none of your own |\n| Remaining | 9,080 |" in said
    assert "` 9%" in said


async def test_what_remains_includes_what_is_left_of_the_overdraft(scene: Scene, client: httpx.AsyncClient) -> None:
    await scene.ledger.put_plan(Plan("default", 1000, overdraft=500), actor="admin:a")
    await scene.use(1200)
    said = await ask(client, "/saldo")
    assert "| Restantes | 300 |\n| Limite extra, entre os restantes | 300 |\n| Usados além do concedido | 200 |" in said
