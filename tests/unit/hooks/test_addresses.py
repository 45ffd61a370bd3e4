"""Every address that LiteLLM serves is metered, asked for, free or closed, and somebody decided which."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from solaris_hooks.hooks.addresses import Handling, handling_of, handling_of_mount

ROOT = Path(__file__).parents[3]
LISTING = Path(__file__).with_name("litellm_addresses.txt")

# In a process of its own: loading every feature of LiteLLM's takes memory and changes its application.
SCRIPT = """
from fastapi import FastAPI
from litellm.proxy._lazy_features import register_all_features
from litellm.proxy.proxy_server import app
from fastapi.routing import iter_route_contexts
from solaris_hooks.hooks.addresses import handling_of, handling_of_mount
register_all_features(app)
lines = set()
for route in iter_route_contexts(app.router.routes):
    if route.endpoint is None:
        lines.add(f"MOUNT {route.path} {handling_of_mount(route.path).name}")
        continue
    methods = ",".join(sorted(route.methods or ["WEBSOCKET"]))
    lines.add(f"{methods} {route.path} {handling_of(route.endpoint).name}")
print("\\n".join(sorted(lines)))
"""


def served_by_litellm() -> list[str]:
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True, timeout=280
    )
    return [line for line in done.stdout.splitlines() if line.rsplit(" ", 1)[-1] in Handling.__members__]


def test_every_address_is_known_and_handled_as_was_decided() -> None:
    """A new release of LiteLLM with a new address fails here.

    Decide on it in hooks/addresses.py, then write what this test prints to litellm_addresses.txt.
    """
    known = LISTING.read_text("utf-8").splitlines()
    served = served_by_litellm()
    assert sorted(set(served) - set(known)) == []
    assert sorted(set(known) - set(served)) == []


@pytest.mark.parametrize(
    ("address", "handling"),
    [
        ("POST /v1/chat/completions", Handling.METERED),
        ("POST /engines/{model:path}/embeddings", Handling.METERED),
        ("POST /v1/rerank", Handling.METERED_AT_END),
        ("POST /queue/chat/completions", Handling.CLOSED),
        ("POST /v1/messages/count_tokens", Handling.CLOSED),
        ("POST /v1/threads/{thread_id}/runs", Handling.CLOSED),
        ("GET /health", Handling.CLOSED),
        ("DELETE,GET,PATCH,POST,PUT /anthropic/{endpoint:path}", Handling.CLOSED),
        ("DELETE,GET,PATCH,POST,PUT /openai/{endpoint:path}", Handling.CLOSED),
        ("WEBSOCKET /v1/realtime", Handling.ASKED),
        ("WEBSOCKET /vertex_ai/live", Handling.CLOSED),
        ("MOUNT /mcp", Handling.CLOSED),
        ("POST /key/generate", Handling.FREE),
        ("GET /v1/models", Handling.FREE),
    ],
)
def test_addresses_that_matter_are_handled_so(address: str, handling: Handling) -> None:
    assert f"{address} {handling.name}" in LISTING.read_text("utf-8").splitlines()


def test_what_nobody_has_heard_of_is_closed() -> None:
    def endpoint() -> None:
        """A function of no module of LiteLLM's."""

    assert handling_of(endpoint) is Handling.CLOSED
    endpoint.__module__ = "litellm.proxy.pass_through_endpoints.pass_through_endpoints"
    assert handling_of(endpoint) is Handling.CLOSED
    assert handling_of(object()) is Handling.CLOSED
    assert handling_of_mount("/anything") is Handling.CLOSED
