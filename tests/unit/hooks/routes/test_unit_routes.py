"""What is read of requests and answers that are paid by the unit."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pytest

from solaris_hooks.hooks.routes import ROUTES, settled_by_headers
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.units import Unit, UnitUse
from solaris_hooks.quota.usage import Usage

ONE_CALL = {Unit.CALL: Decimal(1)}


@pytest.mark.parametrize(
    ("call_type", "body", "unit", "amount"),
    [
        ("image_generation", {"prompt": "x"}, Unit.IMAGE, 1),
        ("image_generation", {"prompt": "x", "n": 4}, Unit.IMAGE, 4),
        ("aimage_edit", {"prompt": "x", "n": 2, "image": [io.BytesIO()]}, Unit.IMAGE, 2),
        ("aspeech", {"input": "ação 👩"}, Unit.CHARACTER, 6),
        ("rerank", {"query": "q", "documents": ["short"] * 100}, Unit.CALL, 1),
        ("rerank", {"query": "q", "documents": ["short"] * 101}, Unit.CALL, 2),
        ("rerank", {"query": "q", "documents": ["x" * 5000] * 100}, Unit.CALL, 11),
        ("rerank", {"query": "q", "documents": []}, Unit.CALL, 1),
        ("moderation", {"input": "x"}, Unit.CALL, 1),
    ],
)
def test_what_a_request_will_use_is_known_before(call_type: str, body: dict[str, Any], unit: Unit, amount: int) -> None:
    units = ROUTES[call_type].read(body, media_tokens=0).units
    assert units is not None
    assert units.amounts[unit] == amount


@pytest.mark.parametrize(
    ("call_type", "body"),
    [
        ("image_generation", {"prompt": "x", "n": 0}),
        ("image_generation", {"prompt": "x", "n": 1000}),
        ("image_generation", {"prompt": "x", "stream": True}),
        ("transcription", {"file": io.BytesIO(), "stream": "true"}),
        ("transcription", {}),
        ("aspeech", {"input": ["x"]}),
        ("aspeech", {}),
    ],
)
def test_what_cannot_be_priced_is_refused(call_type: str, body: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError):
        ROUTES[call_type].read(body, media_tokens=0)


@pytest.mark.parametrize(
    ("call_type", "answer", "report"),
    [
        ("image_generation", {"data": [{}, {}]}, UnitUse({Unit.IMAGE: Decimal(2), **ONE_CALL})),
        ("image_generation", {"data": [{}], "usage": {"input_tokens": 9, "output_tokens": 5}}, Usage(9, 5)),
        (
            "image_generation",
            {"data": [{}], "usage": {"input_tokens": 0, "output_tokens": 0}},
            UnitUse({Unit.IMAGE: Decimal(1), **ONE_CALL}),
        ),
        ("image_generation", {}, None),
        ("aspeech", object(), None),
        ("transcription", {"usage": {"seconds": 13}}, UnitUse({Unit.SECOND: Decimal(13), **ONE_CALL})),
        ("transcription", {"duration": "12.5"}, UnitUse({Unit.SECOND: Decimal("12.5"), **ONE_CALL})),
        ("transcription", {"usage": {"input_tokens": 9, "output_tokens": 5}}, Usage(9, 5)),
        ("transcription", {"duration": "nan"}, None),
        ("transcription", {"duration": -3}, None),
        ("transcription", {"duration": float("inf")}, None),
        ("transcription", "plain text", None),
        ("rerank", {"meta": {"billed_units": {"search_units": 3}}}, UnitUse({Unit.CALL: Decimal(3)})),
        ("rerank", {"meta": {"billed_units": {"total_tokens": 44}, "tokens": {}}}, Usage(44, 0)),
        ("rerank", {"meta": {"billed_units": {"search_units": -1}}}, None),
        ("rerank", {"results": []}, None),
        ("moderation", {"results": []}, None),
    ],
)
def test_what_an_answer_says_is_believed_where_it_can_be(call_type: str, answer: Any, report: Any) -> None:
    assert ROUTES[call_type].usage_of(answer) == report


def test_only_sound_is_settled_with_the_headers() -> None:
    assert {name for name, route in ROUTES.items() if settled_by_headers(route)} == {"aspeech", "transcription"}
