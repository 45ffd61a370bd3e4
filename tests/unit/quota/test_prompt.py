"""The estimate of a prompt: an upper bound that no tokenizer exceeds, whatever a client sends."""

from __future__ import annotations

import asyncio
from typing import Any

import tiktoken
from hypothesis import given
from hypothesis import strategies as st
from litellm.litellm_core_utils.default_encoding import encoding

from solaris_hooks.quota.prompt import OVERHEAD_TOKENS, SLICE_NODES, read_prompt

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


def tokens(text: str) -> int:
    return len(encoding.encode(text, disallowed_special=()))


@given(st.lists(st.text(), max_size=5))
def test_no_text_has_more_tokens_than_the_upper_bound(texts: list[str]) -> None:
    body = {"messages": [{"role": "user", "content": text} for text in texts]}
    prompt = read_prompt(body, media_tokens=0)
    assert sum(tokens(text) for text in texts) <= prompt.upper_bound
    assert prompt.counted(tokens) <= prompt.upper_bound


@given(JSON, JSON, JSON)
def test_any_json_can_be_sized(messages: Any, tools: Any, other: Any) -> None:
    prompt = read_prompt({"messages": messages, "tools": tools, "temperature": other}, media_tokens=100)
    assert prompt.upper_bound >= OVERHEAD_TOKENS


def test_a_body_nested_a_hundred_thousand_deep_is_sized_like_any_other() -> None:
    deep: list[Any] = ["bottom"]
    for _ in range(100_000):
        deep = [deep]
    assert read_prompt({"messages": deep}, media_tokens=0).texts == ["bottom"]


def test_a_count_never_exceeds_the_bound() -> None:
    prompt = read_prompt({"messages": [{"role": "user", "content": "abc " * 100}]}, media_tokens=0)
    assert prompt.counted(lambda _text: 10**9) == prompt.upper_bound


def test_the_bytes_of_an_image_are_not_read_as_words() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 1_000_000}}
    prompt = read_prompt({"messages": [{"role": "user", "content": [image, image]}]}, media_tokens=2000)
    assert 4000 <= prompt.upper_bound < 4200


def test_sound_and_documents_count_by_their_size() -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "A" * 1_600_000, "format": "mp3"}}
    document = {"type": "file", "file": {"file_data": "data:application/pdf;base64," + "A" * 160_000}}
    assert read_prompt({"messages": [{"content": [sound]}]}, media_tokens=2000).fixed_tokens >= 100_000
    assert read_prompt({"messages": [{"content": [document]}]}, media_tokens=2000).fixed_tokens >= 10_000


def test_tools_and_schemas_are_part_of_the_prompt() -> None:
    bare = read_prompt({"messages": []}, media_tokens=0).upper_bound
    for field in ("tools", "functions", "response_format"):
        assert (
            read_prompt({"messages": [], field: [{"description": "d" * 500}]}, media_tokens=0).upper_bound > bare + 500
        )


def test_the_bound_holds_for_newer_tokenizers_too() -> None:
    text = "Não é só isso: ação, coração, 日本語 👩‍🚀 \u0000 " * 50
    prompt = read_prompt({"messages": [{"role": "user", "content": text}]}, media_tokens=0)
    assert len(tiktoken.get_encoding("cl100k_base").encode(text, disallowed_special=())) <= prompt.upper_bound


async def test_a_prompt_of_many_parts_reads_the_same_outside_of_the_event_loop_and_lets_that_have_its_turns() -> None:
    body = {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "ação"}] * 3 * SLICE_NODES}],
        "prompt": [*range(3 * SLICE_NODES), "word", list(range(3 * SLICE_NODES))],
    }
    reading = asyncio.create_task(asyncio.to_thread(read_prompt, body, media_tokens=0))
    turns = 0
    while not reading.done():
        await asyncio.sleep(0)
        turns += 1
    assert reading.result() == read_prompt(body, media_tokens=0)
    assert turns > 1
