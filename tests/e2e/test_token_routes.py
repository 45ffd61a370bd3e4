"""Every route that is paid by the token, stream and not: held, capped, settled, ended and released like a chat."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.routes import KINDS, Kind, directive
from tests.e2e.world import User, World, until

each_route = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
each_streaming = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def ask(user: User, kind: Kind, text: str, *, stream: bool = False, **more: Any) -> httpx.Response:
    path, body = kind.request(text, stream=stream, **more)
    with user.world.proxy.client(user.key) as client:
        return client.post(path, json=body)


@each_route
@each_streaming
def test_what_the_provider_reports_is_booked_on_every_route(world: World, kind: Kind, *, stream: bool) -> None:
    user = world.user(tokens=100_000)
    answer = ask(user, kind, directive(prompt_tokens=100, completion_tokens=40), stream=stream)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-solaris-quota-limit"] == "100000"
    (row,) = user.settled()
    if stream and not kind.asks_for_usage:
        assert (row["charge"] > 0, row["source"]) == (True, "estimate")
        return
    assert (row["charge"], row["source"]) == (140, "provider")
    if not stream:
        assert answer.headers["x-solaris-quota-used"] == "140"


@each_route
@each_streaming
def test_a_tight_balance_caps_the_answer_on_every_route(world: World, kind: Kind, *, stream: bool) -> None:
    user = world.user(tokens=400)
    label = f"tight-{kind.path}-{kind.body('').get('model')}-{stream}"
    answer = ask(user, kind, directive(completion_tokens=4000, label=label), stream=stream)
    assert answer.status_code == 200, answer.text
    (row,) = user.settled()
    assert 0 < row["charge"] <= 400
    assert user.account["overage"] == 0
    (body,) = world.bodies(label)
    assert 0 < (kind.cap_in(body) or 0) < 400


@each_route
@each_streaming
def test_an_exhausted_balance_is_refused_on_every_route(world: World, kind: Kind, *, stream: bool) -> None:
    user = world.user(tokens=1)
    label = f"never-{kind.path}-{kind.body('').get('model')}-{stream}"
    answer = ask(user, kind, directive("palavra " * 50, label=label), stream=stream)
    assert answer.status_code == 402
    assert "não cobre este pedido" in answer.json()["error"]["message"]
    assert answer.headers["x-should-retry"] == "false"
    assert world.bodies(label) == []
    assert (user.used, user.held) == (0, 0)


def test_a_refusal_of_messages_has_anthropics_shape(world: World) -> None:
    answer = ask(world.user(tokens=1), KINDS["messages"], directive("palavra " * 50)).json()
    assert answer["type"] == "error"
    assert set(answer["error"]) >= {"type", "message"}


@each_route
def test_a_stream_ends_as_at_its_limit_when_its_account_has_no_more(world: World, kind: Kind) -> None:
    user = world.user(tokens=600)
    text = directive(completion_tokens=5000, ignore_cap=True, chunk_delay_ms=1)
    answer = ask(user, kind, text, stream=True)
    assert answer.status_code == 200
    assert kind.ends in answer.text.replace(": ", ":")
    (row,) = user.settled()
    assert row["source"] == "estimate"
    assert 100 < row["charge"] <= 600
    assert user.account["overage"] == 0


@each_route
def test_a_client_that_leaves_any_stream_pays_for_what_it_got(world: World, kind: Kind) -> None:
    user = world.user(tokens=100_000)
    path, body = kind.request(directive(completion_tokens=2000, chunk_delay_ms=5), stream=True)
    with world.proxy.client(user.key) as client, client.stream("POST", path, json=body) as answer:
        for number, _ in enumerate(answer.iter_lines()):
            if number > 30:
                break
    (row,) = user.settled()
    assert row["source"] == "estimate"
    assert 5 < row["charge"] < 2000


@contextlib.contextmanager
def sent_and_left(user: User, kind: Kind, text: str, *, stream: bool) -> Iterator[None]:
    """A client that sends a request, does something else, and is gone without having read anything."""
    path, body = kind.request(text, stream=stream)
    url = httpx.URL(user.world.proxy.base_url)
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: {url.host}\r\nauthorization: Bearer {user.key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    with socket.create_connection((url.host, url.port), timeout=60) as connection:
        connection.sendall(head.encode() + content)
        yield


@each_route
@each_streaming
def test_a_client_that_leaves_before_the_first_piece_leaves_no_hold_behind(
    world: World, kind: Kind, *, stream: bool
) -> None:
    user = world.user(tokens=100_000)
    text = directive(label=user.name, prompt_tokens=100, completion_tokens=40, delay_ms=1000)
    with sent_and_left(user, kind, text, stream=stream):
        until(lambda: world.served(user.name).get("in_flight") == 1)
        assert user.held > 0
    until(lambda: user.held == 0)
    until(lambda: world.served(user.name)["in_flight"] == 0)
    (row,) = user.usage()
    if stream:
        # The prompt, and what was passed on before LiteLLM noticed: nothing, a few pieces, or all.
        assert 0 < row["charge"] <= 140
    else:
        assert (row["charge"], row["source"]) == (140, "provider")


@each_route
@each_streaming
def test_what_is_not_reported_is_counted_and_marked_on_every_route(world: World, kind: Kind, *, stream: bool) -> None:
    user = world.user(tokens=100_000)
    answer = ask(user, kind, directive(completion_tokens=50, omit_usage=True), stream=stream)
    assert answer.status_code == 200, answer.text
    (row,) = user.settled()
    assert row["source"] == "estimate"
    assert 50 < row["charge"] < 300


@each_route
@each_streaming
def test_an_error_of_the_provider_costs_nothing_on_any_route(world: World, kind: Kind, *, stream: bool) -> None:
    user = world.user(tokens=100_000)
    answer = ask(user, kind, directive(status=400), stream=stream)
    assert answer.status_code >= 400
    until(lambda: user.held == 0)
    assert user.used == 0
    assert user.usage("settled") == []


@pytest.mark.parametrize("path", ["/v1/embeddings", "/engines/demo/embeddings", "/openai/deployments/demo/embeddings"])
def test_embeddings_are_booked_by_their_input(world: World, path: str) -> None:
    user = world.user(tokens=100_000)
    with world.proxy.client(user.key) as client:
        answer = client.post(path, json={"model": "demo", "input": ["a", directive(prompt_tokens=77)]})
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-solaris-quota-used"] == "77"
    (row,) = user.settled()
    assert (row["charge"], row["output_tokens"], row["source"]) == (77, 0, "provider")


def test_embeddings_of_token_ids_are_held_by_their_number(world: World) -> None:
    user = world.user(tokens=1000)
    with world.proxy.client(user.key) as client:
        fits = client.post("/v1/embeddings", json={"model": "demo", "input": [list(range(400))]})
        too_long = client.post("/v1/embeddings", json={"model": "demo", "input": [list(range(1000, 3000))]})
    assert fits.status_code == 200, fits.text
    assert too_long.status_code == 402


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/engines/text/completions", {"prompt": directive(prompt_tokens=100, completion_tokens=40)}),
        ("/openai/deployments/text/completions", {"prompt": directive(prompt_tokens=100, completion_tokens=40)}),
        ("/openai/v1/responses", {"model": "demo", "input": directive(prompt_tokens=100, completion_tokens=40)}),
        ("/responses", {"model": "demo", "input": directive(prompt_tokens=100, completion_tokens=40)}),
    ],
)
def test_other_names_of_a_route_are_metered_alike(world: World, path: str, body: dict[str, Any]) -> None:
    user = world.user(tokens=100_000)
    with world.proxy.client(user.key) as client:
        assert client.post(path, json=body).status_code == 200
    assert [row["charge"] for row in user.settled()] == [140]


def test_every_prompt_and_choice_of_completions_is_held_and_booked(world: World) -> None:
    user = world.user(tokens=100_000)
    body = {"model": "text", "prompt": ["one", directive(prompt_tokens=9, completion_tokens=10)], "n": 2, "best_of": 3}
    with world.proxy.client(user.key) as client:
        answer = client.post("/v1/completions", json={**body, "max_tokens": 50})
    assert answer.status_code == 200, answer.text
    (row,) = user.settled()
    assert row["output_tokens"] == answer.json()["usage"]["completion_tokens"]
    assert row["held"] >= 2 * 3 * 50


def test_what_anthropics_cache_gave_or_took_is_booked(world: World) -> None:
    user = world.user(tokens=100_000)
    figures: dict[str, object] = {
        "prompt_tokens": 120,
        "cached_tokens": 20,
        "cache_creation_tokens": 10,
        "completion_tokens": 30,
    }
    for stream in (False, True):
        ask(user, KINDS["messages"], directive("hello", **figures), stream=stream)
    rows = user.settled(2)
    assert [(row["input_tokens"], row["cached_input_tokens"], row["charge"]) for row in rows] == [(120, 20, 150)] * 2


def test_a_context_that_only_the_provider_knows_holds_the_models_window(world: World) -> None:
    user = world.user(tokens=1_000_000)
    body = {"model": "demo", "input": directive(prompt_tokens=50_000, completion_tokens=5)}
    with world.proxy.client(user.key) as client:
        answer = client.post("/v1/responses", json={**body, "tools": [{"type": "web_search"}]})
    assert answer.status_code == 200, answer.text
    (row,) = user.settled()
    assert row["charge"] == 50_005
    assert row["held"] >= 128_000


def test_an_answer_in_the_background_is_refused(world: World) -> None:
    answer = ask(world.user(), KINDS["responses"], directive(label="background"), background=True)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "background"
    assert world.bodies("background") == []
