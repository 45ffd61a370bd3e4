"""Every format as its clients read it: OpenAI's official one and LiteLLM's own functions, streamed and not."""

import os
from typing import Any

import pytest
from openai import AsyncOpenAI

from tests.unit.deploy.simulated_provider.asking import told

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # it would ask the internet otherwise

import litellm

FIGURES = {"prompt_tokens": 120, "cached_tokens": 20, "completion_tokens": 30, "reasoning_tokens": 5}
TOLD = told(**FIGURES)
WRITTEN = told(**FIGURES, cache_creation_tokens=10)
ASKED_USAGE = {"stream": True, "stream_options": {"include_usage": True}}
KEY = "sk-secret"

pytestmark = pytest.mark.filterwarnings(
    "ignore:Pydantic serializer warnings",  # LiteLLM's own, on its own objects
    "ignore::DeprecationWarning",
)


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


async def last_usage(stream: Any) -> Any:
    """Read a stream to its end; give the last usage in it."""
    found = [chunk.usage async for chunk in stream if getattr(chunk, "usage", None)]
    return found[-1]


def assert_openai(usage: Any) -> None:
    """Check a usage in OpenAI's first words."""
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (120, 30, 150)
    assert usage.prompt_tokens_details.cached_tokens == 20
    assert usage.completion_tokens_details.reasoning_tokens == 5


def assert_responses(usage: Any) -> None:
    """Check a usage in OpenAI's newer words."""
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (120, 30, 150)
    assert usage.input_tokens_details.cached_tokens == 20
    assert usage.output_tokens_details.reasoning_tokens == 5


@pytest.fixture
def at(provider: str) -> dict[str, str]:
    """Reach the provider from LiteLLM by its ``/v1``."""
    return {"api_base": f"{provider}/v1", "api_key": KEY}


@pytest.fixture
def at_root(provider: str) -> dict[str, str]:
    """Reach the provider from LiteLLM where it adds the ``/v1`` itself."""
    return {"api_base": provider, "api_key": KEY}


# --- OpenAI's client


async def test_openai_reads_completions(client: AsyncOpenAI) -> None:
    answer = await client.completions.create(model="m", prompt=TOLD)
    assert_openai(answer.usage)
    stream: Any = await client.completions.create(**{"model": "m", "prompt": TOLD, **ASKED_USAGE})  # type: ignore[call-overload]
    assert_openai(await last_usage(stream))


async def test_openai_reads_embeddings(client: AsyncOpenAI) -> None:
    # It asks for base64 by itself, and unpacks it.
    answer = await client.embeddings.create(model="m", input=["a", told(prompt_tokens=77)])
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (77, 77)
    assert [each.embedding[:2] for each in answer.data] == [[1.0, 0.0], [0.0, 1.0]]


async def test_openai_reads_responses(client: AsyncOpenAI) -> None:
    answer = await client.responses.create(model="m", input=TOLD)
    assert_responses(answer.usage)
    assert len(answer.output_text.split()) == 25
    async with client.responses.stream(model="m", input=TOLD) as stream:
        final = await stream.get_final_response()
    assert_responses(final.usage)
    assert final.output_text == answer.output_text


# --- LiteLLM's functions


async def test_litellm_reads_embeddings(at: dict[str, str]) -> None:
    answer = await litellm.aembedding("openai/m", input=["a", told(prompt_tokens=77)], **at)
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (77, 77)


async def test_litellm_reads_completions(at: dict[str, str]) -> None:
    for model in ("openai/m", "text-completion-openai/m"):
        answer: Any = await litellm.atext_completion(model=model, prompt=TOLD, **at)
        assert_openai(answer.usage)
        stream = await litellm.atext_completion(model=model, prompt=TOLD, **ASKED_USAGE, **at)
        assert_openai(await last_usage(stream))


async def test_litellm_reads_responses(at: dict[str, str]) -> None:
    answer: Any = await litellm.aresponses(model="openai/m", input=TOLD, **at)
    assert_responses(answer.usage)
    stream: Any = await litellm.aresponses(model="openai/m", input=TOLD, stream=True, **at)
    found = [event async for event in stream]
    assert_responses(found[-1].response.usage)


async def test_litellm_reads_messages(at_root: dict[str, str]) -> None:
    body: Any = {"model": "anthropic/m", "messages": said(WRITTEN), "max_tokens": 100, **at_root}
    answer: Any = await litellm.anthropic_messages(**body)
    assert {
        "input_tokens": 90,
        "cache_creation_input_tokens": 10,
        "cache_read_input_tokens": 20,
        "output_tokens": 30,
    }.items() <= answer["usage"].items()
    for given in ({}, ASKED_USAGE):
        chat: Any = await litellm.acompletion(**body, **given)
        usage = await last_usage(chat) if given else chat.usage
        assert_openai(usage)
        assert usage.cache_creation_input_tokens == 10
    count: Any = {"model": "anthropic/m", "messages": said(told(prompt_tokens=55)), **at_root}
    counted = await litellm.acount_tokens(**count)
    assert counted.total_tokens == 55
