"""Notices in streams: where they go, whom they are for, and that they are told once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from litellm.types.llms.openai import ResponseCompletedEvent, ResponsesAPIStreamEvents
from litellm.types.utils import Choices, Delta, Message, ModelResponse, ModelResponseStream, StreamingChoices, Usage

from solaris_hooks.hooks.answer_lengths import AnswerLengths
from solaris_hooks.hooks.growth import Growth
from solaris_hooks.hooks.in_flight import InFlight, Request
from solaris_hooks.hooks.notices.human import read_by_people
from solaris_hooks.hooks.notices.messages import MessagesInsertion
from solaris_hooks.hooks.notices.notices import Notices
from solaris_hooks.hooks.notices.responses import ResponsesInsertion
from solaris_hooks.hooks.notices.texts import paragraph, plain
from solaris_hooks.hooks.routes import ROUTES
from solaris_hooks.hooks.settlement import Settler
from solaris_hooks.hooks.stream import settled_at_end
from solaris_hooks.ledger import account_actions
from solaris_hooks.ledger.members import LimitChange
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.records import AccountChange, Grant, HoldRequest, Plan, Settlement, SettleResult
from solaris_hooks.quota.errors import LedgerUnavailableError
from solaris_hooks.quota.ids import AccountId, MemberId, new_hold_id
from solaris_hooks.quota.sizing import Sizing
from solaris_hooks.quota.weights import Weights, WeightTable

ANA = AccountId("user:ana")
TEAM = AccountId("team:red")
RUI = MemberId("user:rui")


def words(text: str, **delta: Any) -> ModelResponseStream:
    return ModelResponseStream(id="c", choices=[StreamingChoices(index=0, delta=Delta(content=text, **delta))])


def end(reason: str = "stop", **delta: Any) -> ModelResponseStream:
    return ModelResponseStream(id="c", choices=[StreamingChoices(index=0, delta=Delta(**delta), finish_reason=reason)])


def usage(tokens: int) -> ModelResponseStream:
    return ModelResponseStream(
        id="c", choices=[], usage=Usage(prompt_tokens=1, completion_tokens=tokens - 1, total_tokens=tokens)
    )


class AwayLedger(MemoryLedger):
    """Books that may not be reached."""

    away = False

    async def settle(self, settlement: Settlement) -> SettleResult:
        if self.away:
            raise LedgerUnavailableError
        return await super().settle(settlement)


class Scene:
    """One user on a plan of a thousand tokens."""

    def __init__(self) -> None:
        self.ledger = AwayLedger()
        self.in_flight = InFlight()
        self.settler = Settler(
            ledger=self.ledger,
            in_flight=self.in_flight,
            weights=WeightTable({}),
            lengths=AnswerLengths(self.ledger, margin_percent=0),
        )
        self.notices: Notices | None = Notices(self.ledger, commands=True)
        self.member: MemberId | None = None

    async def begin_team(self, *, tokens: int = 10_000, limit: int | None = None) -> None:
        """From now on requests are those of a member of a team."""
        self.member = RUI
        await self.ledger.put_plan(Plan("default", tokens), actor="admin:a")
        await self.ledger.put_account(TEAM, AccountChange(locale="en"), actor="admin:a")
        await self.ledger.members.put_limit(LimitChange(TEAM, "admin:a", limit=limit))

    async def begin(self, *, tokens: int = 1000, locale: str = "en") -> None:
        await self.ledger.put_plan(Plan("default", tokens), actor="admin:a")
        await self.ledger.put_account(ANA, AccountChange(locale=locale), actor="admin:a")

    async def request(self, amount: int = 900) -> Request:
        hold_id = new_hold_id()
        payer = ANA if self.member is None else TEAM
        result = await self.ledger.hold(HoldRequest(payer, hold_id, "m", amount, 1, 1, 60, member_id=self.member))
        assert result.balance is not None
        route = ROUTES["acompletion"]
        demand = route.read({"messages": [{"role": "user", "content": "hi"}]}, media_tokens=0)
        sizings = [Sizing(1, 5000, 1, Weights())]
        request = Request(
            payer, hold_id, "m", route, demand, result.balance, sizings, result.amount, member_id=self.member
        )
        self.in_flight.add(request)
        return request

    async def open(self, chunks: Iterable[Any], body: dict[str, Any] | None = None) -> AsyncIterator[Any]:
        async def provider() -> AsyncIterator[Any]:
            for chunk in chunks:
                yield chunk

        request = await self.request()
        growth = Growth(request, ledger=self.ledger, in_flight=self.in_flight, patience_seconds=0, lease_seconds=60)
        return settled_at_end(request, provider(), body or {}, self.settler, growth, self.notices)

    async def stream(self, chunks: Iterable[Any], body: dict[str, Any] | None = None) -> list[Any]:
        return [chunk async for chunk in await self.open(chunks, body)]


@pytest.fixture
async def scene() -> Scene:
    made = Scene()
    await made.begin()
    return made


def text_of(chunks: list[Any]) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


async def test_the_answer_that_crosses_a_threshold_says_so_before_its_end(scene: Scene) -> None:
    sent = [words("Well."), end(), usage(820)]
    got = await scene.stream(sent)
    assert got[0] is sent[0]
    assert got[2:] == sent[1:], "the end and the provider's usage are as they were"
    assert text_of(got).startswith("Well.\n\n> You have used 82% of your tokens: 180 are left until ")
    assert "/credits" in text_of(got)
    account = await scene.ledger.account(ANA)
    assert account is not None
    assert account.balance.used == 820, "the notice itself costs nothing"


async def test_it_is_said_once(scene: Scene) -> None:
    await scene.stream([words("a"), end(), usage(820)])
    sent = [words("b"), end(), usage(5)]
    assert await scene.stream(sent) == sent


async def test_nothing_is_said_where_nothing_happened(scene: Scene) -> None:
    sent = [words("a"), end(), usage(20)]
    assert await scene.stream(sent) == sent


async def test_words_that_come_with_the_end_stay_before_the_notice(scene: Scene) -> None:
    got = await scene.stream([words("Well"), end(content=", bye."), usage(820)])
    assert text_of(got).startswith("Well, bye.\n\n> You have used 82%")
    assert [chunk.choices[0].finish_reason for chunk in got[:-1]] == [None, None, None, "stop"]


async def test_a_block_of_code_that_was_cut_is_closed_before_it(scene: Scene) -> None:
    got = await scene.stream([words("Look:\n```py\nx = 1"), end("length"), usage(820)])
    assert text_of(got).startswith("Look:\n```py\nx = 1\n```\n\n> You have used")


async def test_it_is_said_in_the_accounts_language() -> None:
    scene = Scene()
    await scene.begin(locale="pt_BR")
    assert "> Você já usou 82% dos seus tokens: restam 180 até " in text_of(
        await scene.stream([words("a"), end(), usage(820)])
    )


async def test_an_answer_that_uses_the_rest_up_says_so(scene: Scene) -> None:
    assert "> Your tokens are used up: " in text_of(await scene.stream([words("a"), end(), usage(1000)]))


async def test_a_stream_that_ends_because_nothing_is_left_says_why(scene: Scene) -> None:
    got = await scene.stream([words("word " * 100) for _ in range(50)])
    assert "> This answer ends here because your tokens are used up: " in text_of(got)
    assert got[-1].choices[0].finish_reason == "length"


async def test_credits_are_told_with_the_next_answer(scene: Scene) -> None:
    await scene.ledger.grant_credits(Grant(ANA, 5000, "r", "admin:a", "k"))
    got = text_of(await scene.stream([words("a"), end(), usage(20)]))
    assert got == "a\n\n> You were given 5,000 tokens of credits."


CALL = {"index": 0, "id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("chunks", "body"),
    [
        ([words("", tool_calls=[CALL]), end("tool_calls"), usage(820)], {}),
        ([words("", tool_calls=[CALL]), end("stop"), usage(820)], {}),
        ([words("a"), end("content_filter"), usage(820)], {}),
        ([words("a"), usage(820)], {}),
        ([words("{}"), end(), usage(820)], {"response_format": {"type": "json_object"}}),
        ([words("a"), end(), usage(820)], {"n": 2}),
        ([words("a"), end(), usage(820)], {"logprobs": True}),
    ],
)
async def test_what_programs_read_is_left_alone_and_told_with_another_answer(
    scene: Scene, chunks: list[Any], body: dict[str, Any]
) -> None:
    assert await scene.stream(chunks, body) == chunks
    assert "82%" in text_of(await scene.stream([words("a"), end(), usage(1)]))


async def test_a_client_that_leaves_before_it_reads_the_notice_is_told_another_time(scene: Scene) -> None:
    stream = await scene.open([words("a"), end(), usage(820)])
    await anext(stream)
    assert "82%" in text_of([await anext(stream)])
    await stream.aclose()  # type: ignore[attr-defined]
    assert "82%" in text_of(await scene.stream([words("a"), end(), usage(1)]))


async def test_what_could_not_be_booked_has_nothing_to_tell(scene: Scene) -> None:
    scene.ledger.away = True
    sent = [words("a"), end(), usage(820)]
    assert await scene.stream(sent) == sent


async def test_where_the_chat_takes_no_commands_it_names_none(scene: Scene) -> None:
    scene.notices = Notices(scene.ledger, commands=False)
    said = text_of(await scene.stream([words("a"), end(), usage(820)]))
    assert "ask the administrator" in said
    assert "/credits" not in said


async def test_without_notices_all_chunks_pass_as_they_come(scene: Scene) -> None:
    scene.notices = None
    sent = [words("a"), end(content="b"), usage(820)]
    assert await scene.stream(sent) == sent


@pytest.mark.parametrize(
    "body",
    [
        {"response_format": {"type": "json_schema"}},
        {"text": {"format": {"type": "json_schema"}}},
        {"output_config": {"format": {"type": "json_schema"}}},
        {"n": 3},
    ],
)
def test_machine_output_is_not_read_by_people(body: dict[str, Any]) -> None:
    assert not read_by_people(body)
    assert read_by_people({"n": 1, "response_format": {"type": "text"}, "text": {"verbosity": "low"}})


def frame(**event: Any) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


MESSAGE = (
    frame(type="message_start", message={"usage": {"input_tokens": 3}})
    + frame(type="content_block_start", index=0, content_block={"type": "text", "text": ""})
    + frame(type="content_block_delta", index=0, delta={"type": "text_delta", "text": "Olá"})
    + frame(type="content_block_stop", index=0)
    + frame(type="message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 5})
    + frame(type="message_stop")
)


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
@pytest.mark.parametrize("text", [False, True])
def test_a_message_gets_a_block_of_its_own_wherever_its_bytes_are_cut(size: int, *, text: bool) -> None:
    insertion = MessagesInsertion()
    data: Any = MESSAGE.decode() if text else MESSAGE
    passed = [out for at in range(0, len(data), size) for out in insertion.take(data[at : at + size])]
    assert insertion.fits()
    joined = type(data)().join([*passed, *insertion.written("Note."), *insertion.held()])
    whole = joined if text else joined.decode()
    events = [json.loads(line[6:]) for line in whole.splitlines() if line.startswith("data: ")]
    assert [event["type"] for event in events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert [event["index"] for event in events[4:7]] == [1, 1, 1]
    assert events[5]["delta"]["text"] == "\n\n> Note."
    assert type(data)().join([*passed, *insertion.held()]) == data, "without a notice nothing is changed"


def test_a_message_that_calls_a_tool_gets_none() -> None:
    insertion = MessagesInsertion()
    insertion.take({"type": "content_block_start", "content_block": {"type": "tool_use"}})
    insertion.take({"type": "message_delta", "delta": {"stop_reason": "tool_use"}})
    assert not insertion.fits()


def completed(*items: dict[str, Any]) -> ResponseCompletedEvent:
    response = {"id": "r", "created_at": 1, "output": list(items), "status": "completed"}
    return ResponseCompletedEvent.model_validate(
        {"type": ResponsesAPIStreamEvents.RESPONSE_COMPLETED, "response": response, "sequence_number": 9}
    )


MESSAGE_ITEM = {
    "type": "message",
    "id": "m",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "hi", "annotations": []}],
}


def test_a_response_gets_an_item_of_its_own() -> None:
    insertion = ResponsesInsertion()
    assert insertion.take(completed(MESSAGE_ITEM)) == ()
    assert insertion.fits()
    written: list[Any] = list(insertion.written("Note."))
    (last,) = insertion.held()
    assert [event.sequence_number for event in written] == [9, 10, 11, 12, 13, 14]
    assert last.sequence_number == 15  # type: ignore[attr-defined]
    assert len(last.response.output) == 2  # type: ignore[attr-defined]


def test_a_response_that_calls_a_function_gets_none() -> None:
    insertion = ResponsesInsertion()
    call = {"type": "function_call", "id": "f", "call_id": "f", "name": "f", "arguments": "{}", "status": "completed"}
    insertion.take(completed(MESSAGE_ITEM, call))
    assert not insertion.fits()


async def whole(scene: Scene, text: str, body: dict[str, Any] | None = None, **message: Any) -> str:
    """What a whole answer says after it was settled with 820 tokens."""
    request = await scene.request()
    answer = ModelResponse(
        choices=[Choices(finish_reason="stop", message=Message(content=text, role="assistant", **message))],
        usage=Usage(prompt_tokens=1, completion_tokens=819, total_tokens=820),
    )
    await scene.settler.settle(request, request.route.usage_of(answer), model="m", text=text)
    assert scene.notices is not None
    await scene.notices.add_to_whole(request, body or {}, answer)
    said: str = answer.choices[0].message.content  # type: ignore[assignment]
    return said


async def test_whole_answers_for_people_can_get_notices_too(scene: Scene) -> None:
    assert (await whole(scene, "Well.")).startswith("Well.\n\n> You have used 82%")


async def test_whole_answers_for_programs_get_none(scene: Scene) -> None:
    assert await whole(scene, "{}", {"response_format": {"type": "json_object"}}) == "{}"
    assert await whole(scene, "x", tool_calls=[CALL]) == "x"


async def test_a_member_is_told_of_his_own_limit_once_a_mark(scene: Scene) -> None:
    await scene.begin_team(limit=1000)
    told = text_of(await scene.stream([words("one"), end(), usage(810)]))
    assert "> You have used 81% of your share of your team's tokens: 190 are left to you until " in told
    assert told.endswith("Write /balance to see the balance, /credits to ask for more.")
    assert text_of(await scene.stream([words("two"), end(), usage(10)])) == "two"
    told = text_of(await scene.stream([words("three"), end(), usage(180)]))
    assert "Your share of your team's tokens is used up: it renews on" in told


async def test_no_other_member_is_told_of_it(scene: Scene) -> None:
    await scene.begin_team(limit=1000)
    scene.notices = None
    await scene.stream([words("one"), end(), usage(810)])
    scene.notices = Notices(scene.ledger, commands=True)
    scene.member = MemberId("user:eva")
    assert text_of(await scene.stream([words("two"), end(), usage(10)])) == "two"


async def test_a_mark_that_nobody_read_is_told_with_another_answer(scene: Scene) -> None:
    await scene.begin_team(limit=1000)
    stream = await scene.open([words("one"), end(), usage(810)])
    async for chunk in stream:
        if "81%" in (chunk.choices[0].delta.content or "" if chunk.choices else ""):
            break
    await stream.aclose()  # type: ignore[attr-defined] # it is a generator
    assert "82%" in text_of(await scene.stream([words("two"), end(), usage(10)]))


async def test_what_happens_to_the_team_is_told_as_the_teams(scene: Scene) -> None:
    await scene.begin_team(tokens=1000)
    told = text_of(await scene.stream([words("one"), end(), usage(810)]))
    assert "> Your team has used 81% of its tokens: 190 are left until" in told
    await scene.ledger.grant_credits(Grant(TEAM, 5000, "r", "admin:a", "k"))
    assert "> Your team was given 5,000 tokens of credits." in text_of(
        await scene.stream([words("x"), end(), usage(1)])
    )


async def test_an_answer_that_a_members_limit_ends_says_so(scene: Scene) -> None:
    await scene.begin_team(limit=20)
    said = text_of(await scene.stream([*[words("word " * 5) for _ in range(20)], end(), usage(100)]))
    assert "This answer ends here because your share of your team's tokens is used up" in said


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("No sábado paramos.\nObrigado!", "No sábado paramos. Obrigado!"),
        ("**já** [aqui](x) <b> R$ 5 e R$ 6", r"\*\*já\*\* \[aqui\](x) \<b\> R\$ 5 e R\$ 6"),
        ("veja https://ia.example.org/a_b?c=1&d=2 logo", "veja https://ia.example.org/a_b?c=1&d=2 logo"),
        ("P&D &lt;b&gt;", r"P&D \&lt;b\&gt;"),
    ],
)
def test_a_message_reads_as_it_was_written(text: str, shown: str) -> None:
    assert plain(text) == shown


async def test_a_message_of_an_administrator_is_told(scene: Scene) -> None:
    await scene.ledger.hold(HoldRequest(ANA, new_hold_id(), "gpt", 0, 0, 0, 60))
    await scene.ledger.actions.send(account_actions.Message(ANA, "Olá *Ana*", "admin:root", "m"))
    account = await scene.ledger.account(ANA)
    assert account is not None
    told = paragraph(account.balance, await scene.ledger.take_notices(ANA), cut=False, commands=True)
    assert told == r"Message from your administrator: Olá \*Ana\*"
