"""Nothing that a client can set avoids or misdirects the bill."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.routes import KINDS, Kind, directive
from tests.e2e.world import World, sim, until

TOKEN_KINDS = {name: KINDS[name] for name in ("completions", "responses", "messages", "gemini")}


def books(**more: Any) -> dict[str, Any]:
    return {"prompt_tokens": 100, "completion_tokens": 40, **more}


@pytest.mark.parametrize(
    "trick",
    [
        {"no-log": True},
        {"mock_response": "for nothing"},
        {"mock_tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"metadata": {"solaris_hold_id": "01890000-0000-7000-8000-000000000001"}},
        {"litellm_metadata": {"solaris_hold_id": "01890000-0000-7000-8000-000000000001"}},
        {"metadata": {"spend_logs_metadata": {"solaris_hold_id": "01890000-0000-7000-8000-000000000001"}}},
        {"user": "somebody-else"},
        {"extra_body": {"n": 7, "max_tokens": 4000, "stream": True}},
        {"additional_drop_params": ["max_tokens", "stream_options"]},
        {"headers": {"x-litellm-call-id": "always-the-same"}},
        {"headers": {"x-litellm-customer-id": "somebody-else", "x-litellm-end-user-id": "somebody-else"}},
        {"headers": {"x-litellm-enable-message-redaction": "true", "x-litellm-tags": "a"}},
        {"some_unknown_parameter": {"deep": [1, 2, 3]}},
        {"path": "/engines/demo/chat/completions"},
        {"path": "/openai/deployments/demo/chat/completions"},
    ],
    ids=",".join,
)
@pytest.mark.parametrize("stream", [False, True])
def test_the_call_is_booked_to_its_own_account_whatever_the_client_sets(
    world: World,
    trick: dict[str, Any],
    stream: bool,  # noqa: FBT001
) -> None:
    user = world.user(tokens=100_000)
    if stream and "path" not in trick:
        with user.stream(sim("an ordinary question", **books()), **trick) as answer:
            list(answer.iter_lines())
    else:
        answer = user.chat(sim("an ordinary question", **books()), **trick)
    assert answer.status_code == 200
    (row,) = user.settled()
    assert (row["charge"], row["source"]) == (140, "provider")
    assert world.rows("SELECT * FROM solaris.accounts WHERE account_id LIKE 'end_user:somebody%%'") == []


def test_two_calls_under_one_call_id_are_two_calls(world: World) -> None:
    user = world.user(tokens=100_000)
    for _ in range(2):
        user.chat(sim(**books()), headers={"x-litellm-call-id": "the-same"})
    assert [row["charge"] for row in user.settled(2)] == [140, 140]


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": "many"}, "max_completion_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"n": 0}, "n"),
        ({"n": -3}, "n"),
        ({"n": 1000}, "n"),
        ({"max_tokens": 10**30}, "max_tokens"),
        ({"model": "demo\x00"}, "model"),
        ({"model": "demo,heavy"}, "model"),
    ],
)
def test_what_cannot_be_sized_is_refused_with_a_reason(world: World, values: dict[str, Any], param: str) -> None:
    user = world.user(tokens=100_000)
    answer = user.chat(sim(label="unsized"), **values)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == param
    assert (user.account["allowance_used"], user.held) == (0, 0)
    assert world.bodies("unsized") == []


def test_several_answers_are_held_and_booked(world: World) -> None:
    user = world.user(tokens=100_000)
    answer = user.chat(sim(prompt_tokens=10, completion_tokens=30), n=3, max_tokens=100)
    assert answer.json()["usage"]["completion_tokens"] == 90
    (row,) = user.settled()
    assert row["charge"] == 100
    assert row["held"] > 300


def test_a_cap_is_shared_by_all_answers_asked_for(world: World) -> None:
    user = world.user(tokens=400)
    answer = user.chat(sim(completion_tokens=1000), n=3)
    assert answer.status_code == 200
    assert user.used <= 400
    assert user.account["overage"] == 0


def test_images_and_tools_count_in_the_hold(world: World) -> None:
    user = world.user(tokens=100_000)
    plain = sim(prompt_tokens=10, completion_tokens=1)
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
    text = {"type": "text", "text": plain[0]["content"]}
    tool = {"type": "function", "function": {"name": "f", "description": "d" * 3000, "parameters": {"type": "object"}}}
    user.chat(plain, max_tokens=1)
    user.chat([{"role": "user", "content": [text, image]}], max_tokens=1)
    user.chat(plain, max_tokens=1, tools=[tool])
    bare, with_image, with_tool = (row["held"] for row in user.settled(3))
    assert 1500 < with_image - bare < 3000
    assert with_tool - bare > 3000


@pytest.mark.parametrize(
    ("path", "body", "setting"),
    [
        ("/v1/batches", {"input_file_id": "f", "endpoint": "/v1/completions"}, "unmetered_call_types"),
        ("/azure/v1/batches", {"input_file_id": "f", "endpoint": "/v1/completions"}, "unmetered_call_types"),
        ("/v1/videos", {"model": "demo", "prompt": "a cat"}, "unmetered_call_types"),
        ("/v1/ocr", {"model": "demo", "document": {}}, "unmetered_call_types"),
        ("/v1/search", {"query": "x", "search_tool_name": "y"}, "unmetered_call_types"),
        ("/v1/vector_stores", {"name": "x"}, "unmetered_call_types"),
        ("/v1/responses/compact", {"model": "demo", "input": "x"}, "unmetered_call_types"),
        ("/v1/containers", {"name": "x"}, "unmetered_call_types"),
        ("/v1/images/generations", {"model": "demo", "prompt": "a cat"}, "unit_prices"),
        ("/v1/audio/speech", {"model": "demo", "input": "hello", "voice": "v"}, "unit_prices"),
        ("/v1/rerank", {"model": "demo", "query": "x", "documents": ["a"]}, "unit_prices"),
        ("/v1/moderations", {"model": "demo", "input": "hello"}, "unit_prices"),
    ],
)
def test_calls_that_are_not_metered_are_refused_and_name_the_setting(
    world: World, path: str, body: dict[str, Any], setting: str
) -> None:
    user = world.user()
    with world.proxy.client(user.key) as client:
        answer = client.post(path, json=body)
    assert answer.status_code == 403, answer.text
    assert f"solaris_settings.{setting}" in answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/queue/chat/completions"),
        ("POST", "/v1/messages/count_tokens"),
        ("POST", "/v1/responses/input_tokens"),
        ("POST", "/v1beta/models/demo:countTokens"),
        ("POST", "/utils/token_counter"),
        ("POST", "/v1/threads"),
        ("POST", "/v1/threads/t/runs"),
        ("GET", "/v1/assistants"),
        ("POST", "/v1/rag/query"),
        ("POST", "/openai/v1/chat/completions"),
        ("POST", "/openai_passthrough/v1/chat/completions"),
        ("POST", "/anthropic/v1/messages"),
        ("POST", "/gemini/v1beta/models/demo:generateContent"),
        ("POST", "/vertex_ai/x"),
        ("POST", "/cursor/chat/completions"),
        ("POST", "/mcp"),
        ("POST", "/mcp/"),
        ("POST", "/anything/mcp"),
        ("POST", "/mcp-rest/tools/call"),
        ("GET", "/health"),
        ("POST", "/health/test_connection"),
        ("POST", "/usage/ai/chat"),
        ("POST", "/lens/1/runs"),
    ],
)
def test_addresses_on_which_litellm_asks_nobody_are_closed(world: World, method: str, path: str) -> None:
    user = world.user(tokens=100_000)
    body = {"model": "demo", "messages": sim(label="closed"), "contents": [], "input": "x"}
    with world.proxy.client(user.key) as client:
        answer = client.request(method, path, json=body)
    assert answer.status_code == 403, answer.text
    assert "solaris_settings.unmetered_routes" in answer.json()["error"]["message"]
    assert world.bodies("closed") == []


@pytest.mark.parametrize("path", ["/v1/realtime?model=demo", "/v1/responses?model=demo", "/vertex_ai/live"])
def test_web_sockets_are_refused_before_they_open(world: World, path: str) -> None:
    user = world.user(tokens=100_000)
    with world.proxy.client(user.key) as client:
        upgrade = {
            "connection": "Upgrade",
            "upgrade": "websocket",
            "sec-websocket-version": "13",
            "sec-websocket-key": "MDEyMzQ1Njc4OWFiY2RlZg==",
        }
        answer = client.get(path, headers=upgrade)
    assert answer.status_code == 403
    assert "unmetered_routes" in answer.text


def test_an_administrator_may_use_what_is_closed_to_others(world: World) -> None:
    with world.proxy.client() as admin:
        answer = admin.post("/v1/messages/count_tokens", json={"model": "claude", "messages": sim()})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "trick",
    [
        {"no-log": True},
        {"mock_response": "for nothing"},
        {"metadata": {"solaris_hold_id": "01890000-0000-7000-8000-000000000001"}},
        {"litellm_metadata": {"solaris_hold_id": "01890000-0000-7000-8000-000000000001"}},
        {"extra_body": {"n": 7, "max_tokens": 4000, "max_output_tokens": 4000, "stream": True, "input": "x" * 9000}},
        {"additional_drop_params": ["max_tokens", "max_output_tokens", "stream_options"]},
        {"stream_options": {"include_usage": False}},
        {"user": "somebody-else"},
    ],
    ids=",".join,
)
@pytest.mark.parametrize("kind", TOKEN_KINDS.values(), ids=TOKEN_KINDS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_no_trick_avoids_the_bill_on_any_route(
    world: World,
    kind: Kind,
    trick: dict[str, Any],
    stream: bool,  # noqa: FBT001
) -> None:
    user = world.user(tokens=100_000)
    path, body = kind.request(directive("an ordinary question", **books()), stream=stream)
    with world.proxy.client(user.key) as client:
        answer = client.post(path, json={**body, **trick})
    if answer.status_code != 200:
        # What a provider or LiteLLM does not take costs nothing.
        until(lambda: user.held == 0)
        assert user.used == 0
        return
    assert [row["charge"] for row in user.settled()] == [140]


@pytest.mark.parametrize(
    "own",
    [
        {"api_base": "http://127.0.0.1:9"},
        {"base_url": "http://127.0.0.1:9"},
        {"api_key": "of-my-own"},
        {"user_config": {"model_list": []}},
        {"model_list": [{"model_name": "demo", "litellm_params": {"model": "openai/demo"}}]},
        {"fallbacks": ["light"]},
    ],
    ids=",".join,
)
@pytest.mark.parametrize("kind", TOKEN_KINDS.values(), ids=TOKEN_KINDS)
def test_a_provider_of_his_own_does_not_avoid_the_bill(world: World, kind: Kind, own: dict[str, Any]) -> None:
    user = world.user(tokens=100_000)
    path, body = kind.request(directive("an ordinary question", **books()), stream=False)
    with world.proxy.client(user.key) as client:
        answer = client.post(path, json={**body, **own})
    if answer.status_code == 200:
        assert [row["charge"] for row in user.settled()] == [140]
    else:
        until(lambda: user.held == 0)
        assert user.used == 0
