"""The official clients of OpenAI, Anthropic and LangChain, unchanged, on the routes that are paid by the token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anthropic
import openai
import pytest
from pydantic import SecretStr

from tests.e2e.routes import directive
from tests.e2e.world import User, World

if TYPE_CHECKING:
    from langchain_openai import ChatOpenAI

TOLD = directive(prompt_tokens=100, completion_tokens=40)


def test_openais_client_is_served_on_every_route_that_it_knows(world: World) -> None:
    user = world.user(tokens=1_000_000)
    client = openai.OpenAI(base_url=f"{world.proxy.base_url}/v1", api_key=user.key)
    assert client.completions.create(model="text", prompt=TOLD).choices[0].text
    assert "".join(
        chunk.choices[0].text or "" for chunk in client.completions.create(model="text", prompt=TOLD, stream=True)
    )
    assert client.embeddings.create(model="demo", input=directive(prompt_tokens=140)).data
    assert client.responses.create(model="demo", input=TOLD).output_text
    with client.responses.stream(model="demo", input=TOLD) as stream:
        assert stream.get_final_response().output_text
    assert [row["charge"] for row in user.settled(5)] == [140] * 5


def test_anthropics_client_is_served_and_refused_in_its_own_words(world: World) -> None:
    user = world.user(tokens=1_000_000)
    client = anthropic.Anthropic(base_url=world.proxy.base_url, auth_token=user.key, max_retries=0)
    answer = client.messages.create(model="claude", max_tokens=100, messages=[{"role": "user", "content": TOLD}])
    assert answer.usage.output_tokens == 40
    with client.messages.stream(model="claude", max_tokens=100, messages=[{"role": "user", "content": TOLD}]) as stream:
        assert stream.get_final_message().stop_reason == "end_turn"
    assert [row["charge"] for row in user.settled(2)] == [140] * 2

    poor = anthropic.Anthropic(base_url=world.proxy.base_url, auth_token=world.user(tokens=1).key, max_retries=0)
    with pytest.raises(anthropic.APIStatusError) as refusal:
        poor.messages.create(model="claude", max_tokens=100, messages=[{"role": "user", "content": "palavra " * 50}])
    assert refusal.value.status_code == 402
    assert "não cobre este pedido" in refusal.value.message


def test_anthropics_client_reads_a_stream_that_its_account_ended(world: World) -> None:
    user = world.user(tokens=600)
    client = anthropic.Anthropic(base_url=world.proxy.base_url, auth_token=user.key, max_retries=0)
    endless = directive(completion_tokens=5000, ignore_cap=True, chunk_delay_ms=1)
    with client.messages.stream(
        model="claude", max_tokens=4096, messages=[{"role": "user", "content": endless}]
    ) as stream:
        assert stream.get_final_message().stop_reason == "max_tokens"
    (row,) = user.settled()
    assert row["charge"] <= 600


def test_openais_client_reads_a_response_that_its_account_ended(world: World) -> None:
    user = world.user(tokens=600)
    client = openai.OpenAI(base_url=f"{world.proxy.base_url}/v1", api_key=user.key, max_retries=0)
    endless = directive(completion_tokens=5000, ignore_cap=True, chunk_delay_ms=1)
    events = list(client.responses.create(model="demo", input=endless, stream=True))
    last = events[-1]
    assert last.type == "response.incomplete"
    assert last.response.incomplete_details is not None
    assert last.response.incomplete_details.reason == "max_output_tokens"
    (row,) = user.settled()
    assert row["charge"] <= 600


def langchain(user: User) -> ChatOpenAI:
    """LangChain as its own documentation sets it up: with its usual retries."""
    from langchain_openai import ChatOpenAI  # noqa: PLC0415 - it takes seconds, of every process that collects tests

    url = f"{user.world.proxy.base_url}/v1"
    return ChatOpenAI(model="demo", base_url=url, api_key=SecretStr(user.key), stream_usage=True)


def test_langchain_gets_answers_and_their_usage_whole_and_in_pieces(world: World) -> None:
    user = world.user(tokens=1_000_000)
    chat = langchain(user)
    whole = chat.invoke(TOLD)
    assert whole.text
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["total_tokens"] == 140
    pieces = list(chat.stream(TOLD))
    assert len(pieces) > 2
    assert [each.usage_metadata["total_tokens"] for each in pieces if each.usage_metadata] == [140]
    assert [row["charge"] for row in user.settled(2)] == [140] * 2


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_langchain_raises_a_refusal_as_an_error_of_its_own_and_asks_once(world: World, *, stream: bool) -> None:
    user = world.user(tokens=1)
    chat = langchain(user)
    refused = "402 Payment Required"
    before = world.proxy.log.count(refused)
    question = "palavra " * 50
    with pytest.raises(openai.APIStatusError) as refusal:
        list(chat.stream(question)) if stream else chat.invoke(question)
    assert refusal.value.status_code == 402
    assert "não cobre este pedido" in str(refusal.value)
    assert world.proxy.log.count(refused) == before + 1
    assert (user.used, user.held) == (0, 0)
