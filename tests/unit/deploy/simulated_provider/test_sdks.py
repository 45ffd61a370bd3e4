"""Every format as its clients read it: OpenAI's official one and LiteLLM's own functions, streamed and not."""

import io
import json
import os
from typing import Any

import pytest
from openai import AsyncOpenAI

from tests.unit.deploy.simulated_provider.asking import named_events, told

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # it would ask the internet otherwise

import litellm
import litellm.google_genai

FIGURES = {"prompt_tokens": 120, "cached_tokens": 20, "completion_tokens": 30, "reasoning_tokens": 5}
TOLD = told(**FIGURES)
WRITTEN = told(**FIGURES, cache_creation_tokens=10)
ASKED_USAGE = {"stream": True, "stream_options": {"include_usage": True}}
SOUND = ("a.wav", b"RIFF")
KEY = "sk-secret"
MAPPED = "anthropic/claude-sonnet-4-5"  # LiteLLM logs an error when it has no price for a stream

pytestmark = pytest.mark.filterwarnings(
    "ignore:Pydantic serializer warnings",  # LiteLLM's own, on its own objects
    "ignore:.*ReadOnly. qualifier",
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


async def test_openai_reads_images(client: AsyncOpenAI) -> None:
    prompt = told(token_usage=True, prompt_tokens=9, completion_tokens=500)
    drawn = await client.images.generate(model="m", prompt=prompt, n=2)
    edited = await client.images.edit(model="m", image=("a.png", b"\x89PNG"), prompt=prompt, n=2)
    for answer in (drawn, edited):
        assert answer.usage is not None
        assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (9, 500, 509)
        assert answer.data is not None
        assert len(answer.data) == 2


async def test_openai_reads_audio(client: AsyncOpenAI) -> None:
    spoken = await client.audio.speech.create(model="m", input="Hello", voice="alloy")
    assert spoken.content.startswith(b"RIFF")
    heard: Any = await client.audio.transcriptions.create(model="m", file=SOUND, prompt=told(seconds=12.5))
    assert (heard.usage.type, heard.usage.seconds) == ("duration", 13)
    long: Any = await client.audio.transcriptions.create(
        model="m", file=SOUND, prompt=told(text="a b", seconds=12.5), response_format="verbose_json"
    )
    assert (long.duration, long.text) == (12.5, "a b")
    translated = await client.audio.translations.create(model="m", file=SOUND, prompt=told(text="a b"))
    assert translated.text == "a b"


async def test_openai_reads_moderations(client: AsyncOpenAI) -> None:
    answer = await client.moderations.create(input=["a", "b"])
    assert [result.flagged for result in answer.results] == [False, False]


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


async def test_litellm_passes_a_stream_of_messages_on(at_root: dict[str, str]) -> None:
    body: Any = {"model": MAPPED, "messages": said(WRITTEN), "max_tokens": 100, **at_root}
    stream: Any = await litellm.anthropic_messages(**body, stream=True)
    raw = b"".join([chunk async for chunk in stream]).decode()
    found = named_events(raw)
    assert found[0]["message"]["usage"]["input_tokens"] == 90
    assert found[-2]["usage"]["output_tokens"] == 30


async def test_litellm_reads_gemini(provider: str) -> None:
    at = {"api_base": f"{provider}/v1beta", "api_key": KEY}
    body: Any = {"model": "gemini/m", "messages": said(TOLD), **at}
    for given in ({}, ASKED_USAGE):
        chat: Any = await litellm.acompletion(**body, **given)
        assert_openai(await last_usage(chat) if given else chat.usage)
    capped: Any = await litellm.acompletion(**body, max_tokens=10)
    assert (capped.choices[0].finish_reason, capped.usage.completion_tokens) == ("length", 10)
    native: Any = {"model": "gemini/m", "contents": [{"role": "user", "parts": [{"text": TOLD}]}], **at}
    answer: Any = await litellm.google_genai.agenerate_content(**native)
    assert answer.usageMetadata["totalTokenCount"] == 150
    stream: Any = await litellm.google_genai.agenerate_content_stream(**native)
    *_, last = [json.loads(chunk.decode().removeprefix("data: ")) async for chunk in stream]
    assert last["usageMetadata"]["thoughtsTokenCount"] == 5


@pytest.mark.parametrize(
    ("model", "path", "billed"),
    [
        ("cohere/m", "", {"search_units": 3}),
        ("cohere/m", "/v1/rerank", {"search_units": 3}),
        ("hosted_vllm/m", "/v1", {"total_tokens": 44}),
        ("jina_ai/m", "", {"total_tokens": 44}),
    ],
)
async def test_litellm_reads_rerank(provider: str, model: str, path: str, billed: dict[str, int]) -> None:
    query = told(search_units=3, token_usage=True, prompt_tokens=44)
    at: Any = {"api_base": f"{provider}{path}", "api_key": KEY}
    answer: Any = await litellm.arerank(model=model, query=query, documents=["a", "b"], **at)
    assert answer.meta["billed_units"] == billed
    assert [result["index"] for result in answer.results] == [1, 0]


async def test_litellm_reads_images(at: dict[str, str]) -> None:
    body: Any = {"prompt": told(token_usage=True, prompt_tokens=9, completion_tokens=500), "n": 2, **at}
    drawn: Any = await litellm.aimage_generation(model="openai/gpt-image-1", **body)
    edited: Any = await litellm.aimage_edit(model="openai/gpt-image-1", image=io.BytesIO(b"\x89PNG"), **body)
    for answer in (drawn, edited):
        assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.total_tokens) == (9, 500, 509)
        assert len(answer.data) == 2


async def test_litellm_reads_audio(at: dict[str, str]) -> None:
    reached: Any = at
    spoken: Any = await litellm.aspeech(model="openai/tts-1", input="Hello", voice="alloy", **reached)
    assert spoken.content.startswith(b"RIFF")
    for model in ("openai/whisper-1", "openai/gpt-4o-transcribe"):
        body: Any = {"model": model, "file": SOUND, **at}
        heard: Any = await litellm.atranscription(**body, prompt=told(seconds=12.5))
        assert (heard.usage.type, heard.usage.seconds) == ("duration", 13)
        counted = told(token_usage=True, prompt_tokens=9, completion_tokens=5)
        heard = await litellm.atranscription(**body, prompt=counted)
        assert (heard.usage.input_tokens, heard.usage.output_tokens, heard.usage.total_tokens) == (9, 5, 14)


async def test_litellm_reads_moderations(at: dict[str, str]) -> None:
    reached: Any = at
    answer: Any = await litellm.amoderation(model="openai/m", input="Hello", **reached)
    assert not answer.results[0].flagged
