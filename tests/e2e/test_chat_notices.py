"""Notices at the end of streamed answers, through the stock proxy, as the official clients read them."""

from __future__ import annotations

from typing import Any

import anthropic
import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from tests.e2e.routes import directive
from tests.e2e.world import User, World, sim

TOKENS = 4000


def chat(user: User, messages: list[dict[str, Any]], **more: Any) -> list[ChatCompletionChunk]:
    with openai.OpenAI(base_url=f"{user.world.proxy.base_url}/v1", api_key=user.key, max_retries=0) as client:
        asked: Any = {"model": "demo", "messages": messages, "stream": True, **more}
        return list(client.chat.completions.create(**asked))


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def ends(chunks: list[ChatCompletionChunk]) -> list[str]:
    reasons = (chunk.choices[0].finish_reason for chunk in chunks if chunk.choices)
    return [reason for reason in reasons if reason]


def test_the_stream_that_crosses_a_threshold_says_so_once_and_its_usage_stays_the_providers(world: World) -> None:
    user = world.user(tokens=TOKENS)
    chunks = chat(user, sim(prompt_tokens=80, completion_tokens=3200), stream_options={"include_usage": True})
    said = text_of(chunks)
    assert "\n\n> Você já usou 82% dos seus tokens: restam 720 até " in said
    assert said.endswith("escreva /saldo; para pedir mais, /creditos.")
    assert ends(chunks) == ["stop"]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 3280
    assert [row["charge"] for row in user.settled()] == [3280]
    assert "> " not in text_of(chat(user, sim(prompt_tokens=5, completion_tokens=5)))


def test_whole_answers_say_nothing_and_the_next_stream_does(world: World) -> None:
    user = world.user(tokens=TOKENS)
    whole = user.chat(sim(prompt_tokens=80, completion_tokens=3200))
    assert "> " not in whole.json()["choices"][0]["message"]["content"]
    json_mode = chat(user, sim(prompt_tokens=5, completion_tokens=5), response_format={"type": "json_object"})
    assert "> " not in text_of(json_mode)
    assert "> Você já usou 82%" in text_of(chat(user, sim(prompt_tokens=5, completion_tokens=5)))


def test_a_stream_that_its_account_ends_says_why(world: World) -> None:
    user = world.user(tokens=900)
    chunks = chat(user, sim(prompt_tokens=20, completion_tokens=4000, ignore_cap=True))
    assert "> Esta resposta terminou aqui porque seus tokens acabaram: a cota se renova em " in text_of(chunks)
    assert ends(chunks) == ["length"]


@pytest.mark.parametrize("model", ["demo", "bridged"])
def test_a_streamed_response_gets_an_item_of_its_own(world: World, model: str) -> None:
    user = world.user(tokens=TOKENS)
    with (
        openai.OpenAI(base_url=f"{world.proxy.base_url}/v1", api_key=user.key, max_retries=0) as client,
        client.responses.stream(model=model, input=directive(prompt_tokens=80, completion_tokens=3200)) as stream,
    ):
        response = stream.get_final_response()
    assert "> Você já usou 82%" in response.output_text
    assert response.usage is not None
    assert response.usage.output_tokens == 3200
    assert [row["charge"] for row in user.settled()] == [3280]


@pytest.mark.parametrize("model", ["claude", "demo", "chat-only"])
def test_a_streamed_message_gets_a_block_of_its_own(world: World, model: str) -> None:
    user = world.user(tokens=TOKENS)
    text = directive(prompt_tokens=80, completion_tokens=3200)
    with (
        anthropic.Anthropic(base_url=world.proxy.base_url, api_key=user.key, max_retries=0) as client,
        client.messages.stream(model=model, max_tokens=4000, messages=[{"role": "user", "content": text}]) as stream,
    ):
        message = stream.get_final_message()
    texts = [block.text for block in message.content if block.type == "text"]
    assert "> Você já usou 82%" in texts[-1]
    assert message.stop_reason == "end_turn"
    assert message.usage.output_tokens == 3200
    assert [row["charge"] for row in user.settled()] == [3280]
