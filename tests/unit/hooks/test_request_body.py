"""What a client must not set, and our own mark."""

from __future__ import annotations

from typing import Any

import pytest

from solaris_hooks.hooks.request_body import (
    HOLD_KEY,
    SHORT_BODY_BYTES,
    SPEND_LOG_KEY,
    disarm,
    is_short,
    mark,
    marked,
    unmark,
)
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.ids import new_hold_id


def test_parameters_that_avoid_the_bill_are_removed() -> None:
    body: dict[str, Any] = {
        "model": "m",
        "no-log": True,
        "mock_response": "x",
        "extra_body": {"max_tokens": 9, "n": 5, "seed": 1},
        "additional_drop_params": ["max_tokens", "seed"],
        "stream": True,
        "stream_options": {"include_usage": False},
    }
    disarm(body)
    assert body == {
        "model": "m",
        "extra_body": {"seed": 1},
        "additional_drop_params": ["seed"],
        "stream": True,
        "stream_options": {"include_usage": True},
        "_litellm_strip_stream_usage": True,
    }


def test_several_models_at_once_are_refused() -> None:
    with pytest.raises(InvalidRequestError):
        disarm({"model": "a,b"})


@pytest.mark.parametrize(
    "body",
    [{}, {"metadata": None}, {"metadata": "text"}, {"metadata": {HOLD_KEY: "forged"}}, {"litellm_metadata": {}}],
)
def test_a_mark_is_found_again_and_no_forgery_survives_it(body: dict[str, Any]) -> None:
    hold_id = new_hold_id()
    mark(body, hold_id)
    assert marked(body) == hold_id
    unmark(body)
    assert marked(body) is None


def test_the_mark_reaches_the_spend_logs_beside_what_the_client_put_there() -> None:
    body: dict[str, Any] = {"metadata": {SPEND_LOG_KEY: {"team": "x", HOLD_KEY: "forged"}}}
    hold_id = new_hold_id()
    mark(body, hold_id)
    assert body["metadata"][SPEND_LOG_KEY] == {"team": "x", HOLD_KEY: str(hold_id)}


@pytest.mark.parametrize("body", [None, "x", {"metadata": {HOLD_KEY: "no uuid"}}, {"metadata": {HOLD_KEY: 5}}])
def test_what_is_no_mark_is_none(body: object) -> None:
    assert marked(body) is None


@pytest.mark.parametrize(
    ("headers", "short"),
    [
        ({"content-length": str(SHORT_BODY_BYTES)}, True),
        ({"content-length": str(SHORT_BODY_BYTES + 1)}, False),
        ({"content-length": "many"}, False),
        ({}, False),
    ],
)
def test_a_body_is_short_if_its_client_says_how_short_it_is(headers: dict[str, str], *, short: bool) -> None:
    assert is_short(headers) is short
