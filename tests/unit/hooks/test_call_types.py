"""Every kind of call that LiteLLM asks its plugins for is metered, free or refused, and somebody decided which."""

from __future__ import annotations

from typing import get_args

from litellm.proxy.common_request_processing import ProxyRouteType

from solaris_hooks.hooks.call_types import FREE_CALL_TYPES, REFUSED_CALL_TYPES
from solaris_hooks.hooks.routes import ROUTES

# What LiteLLM asks for outside of its common way.
ASKED_APART = {
    "image_generation",
    "aspeech",
    "transcription",
    "moderation",
    "rerank",
    "acreate_file",
    "call_mcp_tool",
    "list_mcp_tools",
    "pass_through_endpoint",
    "text_completion",
    "apply_guardrail",
    "acreate_realtime_transcription_session",
}


def test_every_kind_of_call_has_been_decided_on() -> None:
    asked = set(get_args(ProxyRouteType)) | ASKED_APART
    assert asked - set(ROUTES) - FREE_CALL_TYPES - REFUSED_CALL_TYPES == set()


def test_no_kind_of_call_is_decided_on_twice() -> None:
    assert set(ROUTES) & FREE_CALL_TYPES == set()
    assert set(ROUTES) & REFUSED_CALL_TYPES == set()
    assert FREE_CALL_TYPES.isdisjoint(REFUSED_CALL_TYPES)


def test_nothing_is_decided_that_litellm_never_asks_for() -> None:
    asked = set(get_args(ProxyRouteType)) | ASKED_APART | {"completion", "afile_list"}
    assert (set(ROUTES) | FREE_CALL_TYPES | REFUSED_CALL_TYPES) - asked == set()


def test_no_free_kind_of_call_makes_anything() -> None:
    makes = ("create", "generat", "run", "search", "edit", "remix", "upload", "send", "call_", "compact", "ocr")
    assert [each for each in FREE_CALL_TYPES if any(word in each for word in makes) and "run" not in each] == []
    assert {each for each in FREE_CALL_TYPES if "run" in each} == {
        "alist_runs",
        "aget_run",
        "acancel_run",
        "adelete_run",
    }
