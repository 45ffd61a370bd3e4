"""The page about routes says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from solaris_hooks.hooks.call_types import FREE_CALL_TYPES, REFUSED_CALL_TYPES
from solaris_hooks.hooks.routes import ROUTES

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "routes.md").read_text("utf-8")
LISTING = Path(__file__).with_name("litellm_addresses.txt").read_text("utf-8").splitlines()


def section(title: str) -> set[str]:
    """Everything in code marks under a heading."""
    text = re.split(r"^## ", PAGE.split(f"## {title}", 1)[1], flags=re.MULTILINE)[0]
    return set(re.findall(r"`([^`]+)`", text))


@pytest.mark.parametrize(
    ("title", "call_types"),
    [("Metered", frozenset(ROUTES)), ("Free", FREE_CALL_TYPES), ("Refused", REFUSED_CALL_TYPES)],
)
def test_the_page_names_every_call_type_where_it_belongs(title: str, call_types: frozenset[str]) -> None:
    assert call_types - section(title) == set()
    others = (set(ROUTES) | FREE_CALL_TYPES | REFUSED_CALL_TYPES) - call_types
    assert section(title) & others == set()


def test_every_metered_address_is_one_of_a_route_on_the_page() -> None:
    metered = [line.split(" ")[1] for line in LISTING if line.rsplit(" ", 1)[1].startswith("METERED")]
    known = {each.removeprefix("/v1beta").removeprefix("/v1") for each in section("Metered") if each.startswith("/v1")}
    known |= {"/models/{model}:streamGenerateContent", "/prompts/test"}
    plain = (
        re.sub(r"^/(openai/deployments|engines)/\{model:path\}|^/claude_code_gateway|^/openai", "", path)
        for path in metered
    )
    short = {re.sub(r"^/v1beta|^/v[12]", "", path).replace("{model_name:path}", "{model}") for path in plain}
    assert short - known == set()


def test_every_closed_address_of_the_page_is_closed() -> None:
    closed = [line for line in LISTING if line.endswith(" CLOSED")]
    served = {line.rsplit(" ", 2)[-2] for line in closed}
    for each in section("Closed"):
        if not each.startswith("/") or each in {"/v1/realtime", "/v1/responses"}:
            continue
        start = each.rstrip("*").replace("{model}", "{model_name:path}").replace("{server}", "{mcp_server_name}")
        start = start.replace("/{name}/", "/{toolset_name}/").rstrip("/")
        assert any(path.startswith(start) for path in served), each
