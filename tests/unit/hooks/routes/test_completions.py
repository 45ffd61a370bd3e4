"""Text completions: how many answers a request asks for, and what its stream says."""

from __future__ import annotations

from typing import Any

import pytest
from litellm.types.utils import TextChoices, TextCompletionResponse

from solaris_hooks.hooks.routes import ROUTES
from solaris_hooks.quota.errors import InvalidRequestError

ROUTE = ROUTES["atext_completion"]


def chunk(text: str, index: int = 0, usage: dict[str, int] | None = None) -> TextCompletionResponse:
    made = TextCompletionResponse(id="c1", model="m", choices=[TextChoices(text=text, index=index)])
    made.usage = usage  # type: ignore[assignment]
    return made


@pytest.mark.parametrize(
    ("body", "choices"),
    [
        ({"prompt": "one"}, 1),
        ({"prompt": ["one", "two"]}, 2),
        ({"prompt": [1, 2, 3]}, 1),
        ({"prompt": [[1, 2], [3]], "n": 2}, 4),
        ({"prompt": ["one", "two"], "n": 2, "best_of": 3}, 6),
        ({"prompt": [], "best_of": 3}, 3),
        ({}, 1),
    ],
)
def test_every_prompt_gets_its_choices(body: dict[str, Any], choices: int) -> None:
    assert ROUTE.read(body, media_tokens=0).output.choices == choices


def test_token_ids_count_as_what_they_are() -> None:
    words = ROUTE.read({"prompt": ""}, media_tokens=0).prompt.upper_bound
    assert ROUTE.read({"prompt": [101, 7592, 102]}, media_tokens=0).prompt.upper_bound < words + 4
    assert ROUTE.read({"prompt": [list(range(1000))] * 2}, media_tokens=0).prompt.upper_bound >= 2000


def test_too_many_answers_are_refused() -> None:
    with pytest.raises(InvalidRequestError):
        ROUTE.read({"prompt": ["x"] * 100, "n": 100}, media_tokens=0)


def test_a_stream_is_asked_for_its_usage() -> None:
    body: dict[str, Any] = {"prompt": "x", "stream": True, "stream_options": {"include_usage": False}}
    ROUTE.read(body, media_tokens=0)
    assert body["stream_options"] == {"include_usage": True}


def test_a_cap_is_written_where_the_client_wrote_it_or_where_everybody_reads_it() -> None:
    body: dict[str, Any] = {"prompt": "x"}
    ROUTE.write_cap(body, ROUTE.read(body, media_tokens=0), 7)
    assert body["max_tokens"] == 7


def test_a_stream_ends_each_of_its_choices_for_its_length() -> None:
    reader = ROUTE.reader()
    assert reader.ending() == ()
    for each in (chunk("a", 0), chunk("b", 1)):
        assert reader.added(each) in {"a", "b"}
        reader.see(each)
    ending: list[Any] = list(reader.ending())
    assert [(each.choices[0].index, each.choices[0].finish_reason) for each in ending] == [(0, "length"), (1, "length")]
    assert reader.text() == "ab"
    assert reader.usage(object()) is None
