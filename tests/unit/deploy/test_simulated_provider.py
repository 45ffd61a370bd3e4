"""The simulated provider, as its clients see it: a real process on a free port."""

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import pytest_asyncio
from openai import AsyncOpenAI

pytestmark = pytest.mark.asyncio

ROOT = Path(__file__).resolve().parents[3]
BY_PATH = (str(ROOT / "deploy" / "simulated_provider"),)
BY_NAME = ("-m", "deploy.simulated_provider")
PATIENCE_SECONDS = 20
REFUSAL_KEYS = {"message", "type", "param", "code"}

Json = dict[str, Any]


def start(*way: str, cwd: Path = ROOT) -> tuple[subprocess.Popen[str], str]:
    """Start a provider on a free port; give the process and its base URL."""
    process = subprocess.Popen(
        [sys.executable, *way, "--host", "127.0.0.1", "--port", "0"],
        cwd=cwd,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    ready = process.stdout.readline()
    found = re.fullmatch(r"simulated provider ready on (http://127\.0\.0\.1:\d+)/v1\n", ready)
    if found is None:
        process.kill()
        pytest.fail(f"no ready line: {ready!r} {process.communicate()[1]}")
    return process, found[1]


def stop(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Ask a provider to end; give its exit code and all that it wrote after its ready line."""
    process.send_signal(signal.SIGTERM)
    try:
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        process.kill()
    return process.returncode, out, err


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """Run one provider for the module; whatever its tests do to it, it stays quiet."""
    process, url = start(*BY_PATH)
    yield url
    assert stop(process) == (0, "", "")


@pytest_asyncio.fixture
async def http(provider: str) -> AsyncIterator[httpx.AsyncClient]:
    """Give a plain client, of a provider with empty books."""
    async with httpx.AsyncClient(base_url=provider, timeout=PATIENCE_SECONDS) as client:
        await client.post("/sim/reset")
        yield client


@pytest_asyncio.fixture
async def client(provider: str, http: httpx.AsyncClient) -> AsyncIterator[AsyncOpenAI]:
    """Give the official client, without its retries."""
    del http  # only for its empty books
    base_url = f"{provider}/v1"
    async with AsyncOpenAI(base_url=base_url, api_key="sk-secret", max_retries=0) as client:
        yield client


def chat(said: str = "Hello", /, *, sim: Json | None = None, **fields: object) -> Any:
    """Write a chat request's fields, with a directive in the user's message."""
    text = said if sim is None else f"{said} #sim {json.dumps(sim)}"
    return {"model": "simulated", "messages": [{"role": "user", "content": text}], **fields}


async def served(http: httpx.AsyncClient) -> Json:
    """Read the provider's books."""
    totals: Json = (await http.get("/sim/served")).json()
    return totals


async def served_once(http: httpx.AsyncClient, **expected: int) -> Json:
    """Read the books again and again until these totals are in them."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            totals = await served(http)
            if expected.items() <= totals.items():
                return totals


def events(body: str) -> list[Json]:
    """Read a complete stream's events, without its [DONE]."""
    *found, done, rest = body.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    return [json.loads(event.removeprefix("data: ")) for event in found]


def pieces_of(found: list[Json], index: int = 0) -> list[str]:
    """Give the pieces that one choice's chunks carried."""
    choices = [choice for event in found for choice in event["choices"]]
    texts = [choice["delta"].get("content") for choice in choices if choice["index"] == index]
    return [text for text in texts if text]


# --- the process


async def test_health_and_models_answer(http: httpx.AsyncClient, client: AsyncOpenAI) -> None:
    assert (await http.get("/healthz")).json() == {"status": "ok"}
    assert [model.id async for model in client.models.list()] == ["simulated"]


async def test_sigterm_lets_an_answer_under_way_finish_and_ends_with_success() -> None:
    process, url = start(*BY_NAME)
    body = chat(sim={"text": "to the very end", "chunk_delay_ms": 50}, stream=True)
    try:
        async with (
            httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS) as http,
            http.stream("POST", "/v1/chat/completions", json=body) as response,
        ):
            process.send_signal(signal.SIGTERM)
            found = events((await response.aread()).decode())
    finally:
        ending = stop(process)
    assert pieces_of(found) == ["to", " the", " very", " end"]
    assert ending == (0, "", "")


async def test_it_starts_from_any_folder(tmp_path: Path) -> None:
    process, _ = start(*BY_PATH, cwd=tmp_path)
    assert stop(process) == (0, "", "")


# --- counting


async def test_a_prompt_counts_its_words_and_four_for_each_message(client: AsyncOpenAI) -> None:
    parts = [{"type": "text", "text": "two words"}, {"type": "image_url", "image_url": {}}]
    messages: Any = [
        {"role": "system", "content": "You are kind."},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "user", "content": "  And  now?\n" + '#sim {"label": "not counted"}'},
    ]
    answer = await client.chat.completions.create(model="any-name", messages=messages)
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 3 + 2 + 0 + 2 + 4 * 4
    assert answer.model == "any-name"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("What is the capital of Brazil?", "Thank you"),
        ("Qual é a capital do Brasil?", "Obrigado"),
        ("¿Cuál es la capital de Brasil?", "Gracias"),
        ("", "Thank you"),
    ],
)
async def test_the_default_answer_echoes_in_the_language_of_the_message(
    client: AsyncOpenAI, said: str, expected: str
) -> None:
    answer = await client.chat.completions.create(**chat(said))
    text = answer.choices[0].message.content
    assert text is not None
    assert expected in text
    assert " ".join(said.split()[:6]) in text
    assert answer.usage is not None
    assert 30 <= answer.usage.completion_tokens <= 50
    assert answer.usage.completion_tokens == len(text.split())
    assert answer.usage.total_tokens == (answer.usage.prompt_tokens + answer.usage.completion_tokens)
    assert answer.choices[0].finish_reason == "stop"
    again = await client.chat.completions.create(**chat(said))
    assert (again.choices[0].message.content, again.usage) == (text, answer.usage)
    assert again.id != answer.id


async def test_the_default_answer_quotes_only_the_beginning(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(**chat("1 2 3 4 5 6 7 " * 500))
    assert "“1 2 3 4 5 6…”" in (answer.choices[0].message.content or "")


async def test_a_stream_sends_one_chunk_a_token_and_the_same_text(client: AsyncOpenAI, http: httpx.AsyncClient) -> None:
    whole = await client.chat.completions.create(**chat())
    body = chat(stream=True, stream_options={"include_usage": True})
    response = await http.post("/v1/chat/completions", json=body)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    *chunks, last = events(response.text)
    assert whole.usage is not None
    assert len(pieces_of(chunks)) == whole.usage.completion_tokens
    assert "".join(pieces_of(chunks)) == whole.choices[0].message.content
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert {chunk["usage"] for chunk in chunks} == {None}
    assert last["choices"] == []
    assert last["usage"] == whole.usage.model_dump(exclude_unset=True)


async def test_a_stream_reports_usage_only_when_asked(http: httpx.AsyncClient) -> None:
    for options in ({}, {"stream_options": {"include_usage": False}}):
        response = await http.post("/v1/chat/completions", json=chat(stream=True, **options))
        assert all("usage" not in chunk for chunk in events(response.text))
    totals = await served(http)
    assert (totals["requests"], totals["unreported"], totals["total_tokens"]) == (0, 2, 0)


async def test_the_official_client_reads_a_stream(client: AsyncOpenAI) -> None:
    body = chat(sim={"text": "um dois três"}, stream=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in await client.chat.completions.create(**body)]
    texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert texts == ["", "um", " dois", " três", None]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 3


# --- the client's limits


@pytest.mark.parametrize(
    ("limits", "tokens"),
    [
        ({"max_tokens": 7}, 7),
        ({"max_completion_tokens": 5}, 5),
        ({"max_completion_tokens": 9, "max_tokens": 3}, 9),
        ({"max_tokens": None, "max_completion_tokens": 1, "stop": "ignored"}, 1),
    ],
)
@pytest.mark.parametrize("sim", [None, {"completion_tokens": 300}])
async def test_a_cap_ends_the_answer(http: httpx.AsyncClient, limits: Json, tokens: int, sim: Json | None) -> None:
    whole = (await http.post("/v1/chat/completions", json=chat(sim=sim, **limits))).json()
    assert whole["usage"]["completion_tokens"] == tokens
    assert len(whole["choices"][0]["message"]["content"].split()) == tokens
    assert whole["choices"][0]["finish_reason"] == "length"
    body = chat(sim=sim, stream=True, **limits)
    chunks = events((await http.post("/v1/chat/completions", json=body)).text)
    assert len(pieces_of(chunks)) == tokens
    assert chunks[-1]["choices"][0]["finish_reason"] == "length"


async def test_an_answer_that_just_fits_its_cap_stops_by_itself(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(**chat(sim={"completion_tokens": 12}, max_tokens=12))
    assert answer.choices[0].finish_reason == "stop"


async def test_a_provider_may_ignore_the_cap(client: AsyncOpenAI) -> None:
    sim = {"completion_tokens": 60, "ignore_cap": True}
    answer = await client.chat.completions.create(**chat(sim=sim, max_tokens=10))
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 60
    assert answer.choices[0].finish_reason == "stop"


async def test_n_choices_are_answered_and_summed(client: AsyncOpenAI, http: httpx.AsyncClient) -> None:
    sim = {"prompt_tokens": 11, "completion_tokens": 20, "reasoning_tokens": 4}
    answer = await client.chat.completions.create(**chat(sim=sim, n=3, max_tokens=8))
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert {len((choice.message.content or "").split()) for choice in answer.choices} == {4}
    usage = answer.usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (11, 24, 35)
    assert usage.completion_tokens_details is not None
    assert usage.completion_tokens_details.reasoning_tokens == 12
    body = chat(sim=sim, n=3, max_tokens=8, stream=True)
    chunks = events((await http.post("/v1/chat/completions", json=body)).text)
    assert [len(pieces_of(chunks, index)) for index in range(3)] == [4, 4, 4]


# --- directives: what is answered


async def test_usage_is_as_chosen_to_the_token(client: AsyncOpenAI) -> None:
    sim = {
        "prompt_tokens": 120,
        "cached_tokens": 20,
        "completion_tokens": 300,
        "reasoning_tokens": 50,
    }
    answer = await client.chat.completions.create(**chat(sim=sim))
    assert answer.usage is not None
    assert answer.usage.model_dump(exclude_unset=True) == {
        "prompt_tokens": 120,
        "completion_tokens": 300,
        "total_tokens": 420,
        "prompt_tokens_details": {"cached_tokens": 20},
        "completion_tokens_details": {"reasoning_tokens": 50},
    }
    assert len((answer.choices[0].message.content or "").split()) == 250


async def test_reasoning_may_eat_the_whole_cap(client: AsyncOpenAI) -> None:
    sim = {"completion_tokens": 100, "reasoning_tokens": 60}
    answer = await client.chat.completions.create(**chat(sim=sim, max_tokens=40))
    assert answer.choices[0].message.content == ""
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 40


async def test_a_text_is_given_as_it_is(client: AsyncOpenAI) -> None:
    sim = {"text": "  two\n pieces ", "finish_reason": "content_filter"}
    answer = await client.chat.completions.create(**chat(sim=sim))
    assert answer.choices[0].message.content == "  two\n pieces "
    assert answer.choices[0].finish_reason == "content_filter"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 2


@pytest.mark.parametrize(("tokens", "text"), [(5, "a b a b a"), (1, "a"), (0, "")])
async def test_a_text_is_repeated_or_cut_to_the_tokens_chosen(client: AsyncOpenAI, tokens: int, text: str) -> None:
    sim = {"text": "a b", "completion_tokens": tokens}
    answer = await client.chat.completions.create(**chat(sim=sim))
    assert answer.choices[0].message.content == text


async def test_tools_are_called(client: AsyncOpenAI, http: httpx.AsyncClient) -> None:
    function = {"name": "weather", "arguments": {"city": "São Paulo", "days": 2}}
    sim = {"tool_calls": [{"id": "call_1", "function": function}, {"function": {"name": "now"}}]}
    answer = await client.chat.completions.create(**chat(sim=sim))
    message = answer.choices[0].message
    assert message.content is None
    assert message.tool_calls is not None
    weather, now = message.tool_calls
    assert weather.type == now.type == "function"
    assert (weather.id, weather.function.name) == ("call_1", "weather")
    assert json.loads(weather.function.arguments) == function["arguments"]
    assert (now.function.name, now.function.arguments) == ("now", "{}")
    assert answer.choices[0].finish_reason == "tool_calls"

    body = chat(sim=sim, stream=True, stream_options={"include_usage": True})
    *chunks, last = events((await http.post("/v1/chat/completions", json=body)).text)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": None}
    parts = [part for delta in deltas for part in delta.get("tool_calls", [])]
    assert len(parts) == last["usage"]["completion_tokens"]
    assert answer.usage is not None
    assert len(parts) == answer.usage.completion_tokens
    arguments = "".join(part["function"]["arguments"] for part in parts if part["index"] == 0)
    assert arguments == weather.function.arguments


async def test_tool_calls_are_cut_by_a_cap_and_may_cost_more_than_they_show(
    client: AsyncOpenAI,
) -> None:
    call = {"function": {"name": "f", "arguments": "one two three"}}
    sim = {"tool_calls": [call], "text": "Wait:"}
    answer = await client.chat.completions.create(**chat(sim=sim, max_tokens=3))
    assert answer.choices[0].finish_reason == "length"
    assert answer.choices[0].message.content == "Wait:"
    assert answer.choices[0].message.tool_calls is not None
    assert answer.choices[0].message.tool_calls[0].function.arguments == "one"
    answer = await client.chat.completions.create(**chat(sim=sim | {"completion_tokens": 90}))
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 90


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -5, "completion_tokens": 1, "total_tokens": -4},
        {"prompt_tokens": "NaN", "completion_tokens": 1.5, "total_tokens": 2},
        {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": True},
        {"prompt_tokens": 3},
        {},
        [],
        None,
        "nonsense",
    ],
)
async def test_nonsense_is_reported_verbatim_and_not_added_up(http: httpx.AsyncClient, usage: object) -> None:
    whole = await http.post("/v1/chat/completions", json=chat(sim={"usage": usage}))
    assert whole.json()["usage"] == usage
    body = chat(sim={"usage": usage}, stream=True, stream_options={"include_usage": True})
    stream = await http.post("/v1/chat/completions", json=body)
    assert events(stream.text)[-1]["usage"] == usage
    totals = await served(http)
    assert (totals["requests"], totals["unusable_usage"], totals["total_tokens"]) == (0, 2, 0)


async def test_a_huge_usage_is_added_up_exactly(http: httpx.AsyncClient) -> None:
    usage = {"prompt_tokens": 10**30, "completion_tokens": 1, "total_tokens": 7}
    await http.post("/v1/chat/completions", json=chat(sim={"usage": usage}))
    assert usage.items() <= (await served(http)).items()


async def test_usage_can_be_left_out(http: httpx.AsyncClient) -> None:
    whole = await http.post("/v1/chat/completions", json=chat(sim={"omit_usage": True}))
    assert "usage" not in whole.json()
    body = chat(sim={"omit_usage": True}, stream=True, stream_options={"include_usage": True})
    stream = await http.post("/v1/chat/completions", json=body)
    assert all("usage" not in event for event in events(stream.text))
    assert (await served(http))["unreported"] == 2


# --- directives: delays, errors, death


@pytest.mark.parametrize(
    ("sim", "seconds"),
    [({"delay_ms": 150}, 0.15), ({"text": "a b c d", "chunk_delay_ms": 40}, 0.16)],
)
async def test_delays_are_kept(http: httpx.AsyncClient, sim: Json, seconds: float) -> None:
    clock = asyncio.get_running_loop().time
    before = clock()
    response = await http.post("/v1/chat/completions", json=chat(sim=sim, stream=True))
    assert pieces_of(events(response.text))
    # The server's timers may ring a little early, by its loop's cached clock.
    assert clock() - before >= seconds * 0.9


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, "rate_limit_error"), (500, "server_error"), (503, "server_error"), (418, "invalid")],
)
async def test_an_error_is_answered_in_openais_shape(
    http: httpx.AsyncClient, status: int, kind: str, *, stream: bool
) -> None:
    response = await http.post("/v1/chat/completions", json=chat(sim={"status": status}, stream=stream))
    assert response.status_code == status
    error = response.json()["error"]
    assert set(error) == REFUSAL_KEYS
    assert error["type"].startswith(kind)
    totals = await served(http)
    assert (totals["errors"], totals["requests"], totals["unfinished_streams"]) == (1, 0, 0)


async def test_only_the_first_tries_of_one_id_fail(client: AsyncOpenAI, http: httpx.AsyncClient) -> None:
    def tries(of: str) -> Json:
        body: Json = chat(sim={"status": 500, "fail_times": 2, "id": of})
        return body

    answer = await client.with_options(max_retries=2).chat.completions.create(**tries("a"))
    assert answer.usage is not None
    with pytest.raises(openai.InternalServerError):
        await client.chat.completions.create(**tries("b"))
    await client.chat.completions.create(**tries("a"))
    totals = await served(http)
    assert (totals["received"], totals["errors"], totals["requests"]) == (5, 3, 2)


@pytest.mark.parametrize(("after", "expected"), [(0, []), (3, ["a", " b", " c"]), (99, None)])
async def test_a_stream_dies_after_its_pieces(http: httpx.AsyncClient, after: int, expected: list[str] | None) -> None:
    body = chat(sim={"text": "a b c d", "die_after_chunks": after}, stream=True)
    received = ""
    with pytest.raises(httpx.RemoteProtocolError):  # noqa: PT012 - it dies while it is read
        async with http.stream("POST", "/v1/chat/completions", json=body) as response:
            assert response.status_code == 200
            async for text in response.aiter_text():
                received += text
    found = [json.loads(event[6:]) for event in received.split("\n\n") if event]
    assert pieces_of(found) == (["a", " b", " c", " d"] if expected is None else expected)
    assert all(event["choices"][0]["finish_reason"] is None for event in found)
    totals = await served(http)
    assert (totals["requests"], totals["unfinished_streams"]) == (0, 1)
    assert totals["unfinished_pieces"] == min(after, 4)


async def test_an_answer_that_is_no_stream_dies_in_the_middle(client: AsyncOpenAI, http: httpx.AsyncClient) -> None:
    with pytest.raises(openai.APIConnectionError):
        await client.chat.completions.create(**chat(sim={"die_after_chunks": 0}))
    totals = await served(http)
    assert (totals["requests"], totals["unfinished_answers"]) == (0, 1)


# --- the books


async def test_a_stream_whose_client_leaves_is_booked_with_the_pieces_sent(
    client: AsyncOpenAI, http: httpx.AsyncClient
) -> None:
    sim = {"completion_tokens": 10_000, "chunk_delay_ms": 5, "label": "left"}
    stream = await client.chat.completions.create(**chat(sim=sim, stream=True))
    read = 0
    async for chunk in stream:
        read += bool(chunk.choices[0].delta.content)
        if read == 3:
            break
    await stream.close()
    totals = await served_once(http, unfinished_streams=1, in_flight=0)
    assert 3 <= totals["unfinished_pieces"] < 10_000
    assert (totals["requests"], totals["total_tokens"]) == (0, 0)
    assert totals["labels"]["left"]["unfinished_pieces"] == totals["unfinished_pieces"]


@pytest.mark.parametrize(("stream", "counted"), [(True, "unfinished_streams"), (False, "unfinished_answers")])
async def test_a_client_that_leaves_before_the_answer_is_booked(
    http: httpx.AsyncClient, counted: str, *, stream: bool
) -> None:
    body = chat(sim={"delay_ms": 600_000}, stream=stream)
    leaving = asyncio.create_task(http.post("/v1/chat/completions", json=body))
    await served_once(http, in_flight=1)
    leaving.cancel()
    totals = await served_once(http, in_flight=0, **{counted: 1})
    assert (totals["requests"], totals["unfinished_pieces"]) == (0, 0)


async def test_the_books_are_exact_at_200_concurrent_requests(client: AsyncOpenAI, http: httpx.AsyncClient) -> None:
    def body(number: int) -> Json:
        sim = {"label": f"l{number % 3}", "prompt_tokens": number, "completion_tokens": number}
        streamed = {"stream": True, "stream_options": {"include_usage": True}}
        request: Json = chat(sim=sim, **(streamed if number % 2 else {}))
        return request

    async def ask(number: int) -> int:
        answer: Any = await client.chat.completions.create(**body(number))
        if isinstance(answer, openai.AsyncStream):
            *_, answer = [chunk async for chunk in answer]
        return int(answer.usage.total_tokens)

    told = await asyncio.gather(*(ask(number) for number in range(200)))
    totals = await served(http)
    each = sum(range(200))
    assert sum(told) == totals["total_tokens"] == 2 * each
    assert totals["prompt_tokens"] == totals["completion_tokens"] == each
    assert (totals["requests"], totals["received"], totals["in_flight"]) == (200, 200, 0)
    labels = totals.pop("labels")
    assert set(labels) == {"l0", "l1", "l2"}
    assert totals.pop("routes") == {"/v1/chat/completions": totals}
    assert totals == {name: sum(label[name] for label in labels.values()) for name in labels["l0"]}


async def test_the_last_bodies_are_shown_as_they_came(client: AsyncOpenAI, http: httpx.AsyncClient) -> None:
    first = chat("one", sim={"label": "x"}, max_tokens=3, seed=5, user="somebody")
    await client.chat.completions.create(**first)
    await client.chat.completions.create(**chat("two"))
    await http.post("/v1/chat/completions", json={"model": "broken"})
    shown = await http.get("/sim/requests")
    assert shown.json()["requests"] == [first, chat("two"), {"model": "broken"}]
    assert "sk-secret" not in shown.text
    by_label = await http.get("/sim/requests", params={"label": "x"})
    assert by_label.json()["requests"] == [first]
    last = await http.get("/sim/requests", params={"limit": 1})
    assert last.json()["requests"] == [{"model": "broken"}]


@pytest.mark.parametrize("limit", ["0", "-1", "many", "1.5", "", "9" * 5_000])
async def test_a_wrong_limit_is_refused(http: httpx.AsyncClient, limit: str) -> None:
    response = await http.get("/sim/requests", params={"limit": limit})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "limit")


async def test_a_reset_forgets_even_what_is_still_under_way(http: httpx.AsyncClient) -> None:
    await http.post("/v1/chat/completions", json=chat(sim={"label": "x"}))
    body = chat(sim={"text": "still here", "chunk_delay_ms": 50}, stream=True)
    async with http.stream("POST", "/v1/chat/completions", json=body) as response:
        await served_once(http, in_flight=1)
        await http.post("/sim/reset")
        assert pieces_of(events((await response.aread()).decode())) == ["still", " here"]
    totals = await served(http)
    assert (totals.pop("labels"), totals.pop("routes")) == ({}, {})
    assert set(totals.values()) == {0}
    assert (await http.get("/sim/requests")).json() == {"requests": []}


async def test_a_reset_forgets_the_tries(http: httpx.AsyncClient) -> None:
    body = chat(sim={"status": 500, "fail_times": 1, "id": "a"})
    for expected in (500, 200):
        assert (await http.post("/v1/chat/completions", json=body)).status_code == expected
    await http.post("/sim/reset")
    assert (await http.post("/v1/chat/completions", json=body)).status_code == 500


# --- bad input


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"{", None),
        (b"\xff", None),
        (b'{"model": NaN}', None),
        (b'{"model": 1e999}', None),
        (b"[" * 100_000, None),
        (b"[]", None),
        ({"messages": [{"role": "user", "content": "x"}]}, "model"),
        ({"model": "m"}, "messages"),
        ({"model": "m", "messages": []}, "messages"),
        ({"model": "m", "messages": ["x"]}, "messages.0"),
        ({"model": "m", "messages": [{"content": "x"}]}, "messages.0.role"),
        (chat(max_tokens=0), "max_tokens"),
        (chat(max_tokens=-1), "max_tokens"),
        (chat(max_tokens="5"), "max_tokens"),
        (chat(max_completion_tokens=True), "max_completion_tokens"),
        (chat(n=0), "n"),
        (chat(n=129), "n"),
        (chat(n=2, sim={"completion_tokens": 200_000}), "n"),
        (chat(stream="yes"), "stream"),
        (chat(stream_options={"include_usage": True}), None),
        (chat("#sim {broken"), "messages"),
        (chat('#sim {"prompt_tokens": NaN}'), "messages"),
        (chat(sim={"promt_tokens": 1}), "messages"),
        (chat(sim={"prompt_tokens": -1}), "messages"),
        (chat(sim={"prompt_tokens": 1.5}), "messages"),
        (chat(sim={"status": 200}), "messages"),
        (chat(sim={"fail_times": 1, "status": 500}), "messages"),
        (chat(sim={"fail_times": 1, "id": "a"}), "messages"),
        (chat(sim={"prompt_tokens": 1, "cached_tokens": 2}), "messages"),
        (chat(sim={"cached_tokens": 1_000}), "messages"),
        (chat(sim={"completion_tokens": 1, "reasoning_tokens": 2}), "messages"),
        (chat(sim={"text": "", "completion_tokens": 1}), "messages"),
    ],
)
async def test_bad_input_is_refused_with_what_is_wrong(
    http: httpx.AsyncClient, body: bytes | Json, param: str | None
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = await http.post("/v1/chat/completions", content=content)
    assert response.status_code == 400
    error = response.json()["error"]
    assert set(error) == REFUSAL_KEYS
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert len(error["message"]) > 10
    totals = await served(http)
    assert (totals["received"], totals["errors"], totals["in_flight"]) == (1, 1, 0)


async def test_text_that_only_mentions_the_marker_is_ordinary(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(**chat("tell me about #sim cards"))
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 5 + 4


async def test_only_the_last_user_message_directs(client: AsyncOpenAI) -> None:
    messages: Any = [
        {"role": "user", "content": '#sim {"status":500}'},
        {"role": "user", "content": 'Now #sim {"text":"yes"} please'},
        {"role": "assistant", "content": '#sim {"text":"no"}'},
    ]
    answer = await client.chat.completions.create(model="m", messages=messages)
    assert answer.choices[0].message.content == "yes"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 2 + 2 + 2 + 3 * 4


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/chat/completions", 405), ("POST", "/v1/batches", 404)],
)
async def test_what_it_does_not_have_is_refused_in_openais_shape(
    http: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    response = await http.request(method, path)
    assert response.status_code == status
    assert set(response.json()["error"]) == REFUSAL_KEYS
