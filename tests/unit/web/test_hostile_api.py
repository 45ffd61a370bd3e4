"""The API against all that its description allows and much that it does not, and against what people try on purpose."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from solaris_hooks.credits.requests import CreditRequests
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.records import AccountChange, Grant
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.settings import CreditRequestLimits
from solaris_hooks.web.api import build_api, mount
from tests.unit.web.asking import ADMIN, FakeAuthenticator
from tests.unit.web.hostile import HOSTILE, Hostile, require_refused, require_text

MARIA = AccountId("user:maria")
CASES = 45
"""Of each operation: a third as described, a third so and of what is there, and a third against the description."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@cache
def served() -> tuple[FastAPI, dict[str, str]]:
    """The API as LiteLLM serves it, and ids of what is in its books."""
    ledger = MemoryLedger()

    async def filled() -> dict[str, str]:
        await ledger.put_account(MARIA, AccountChange(email="maria@example.org"), actor="admin:a")
        granted = await ledger.grant_credits(Grant(MARIA, 5000, "r", "admin:a", "k"))
        asking = CreditRequests(ledger.requests, limits=CreditRequestLimits())
        asked = await asking.request(MARIA, 1000, "r", actor=MARIA)
        return {"account": MARIA, "plan": "default", "lot": str(granted.account.lots[0].lot_id)} | {
            "request": str(asked.request_id)
        }

    known = asyncio.run(filled())
    host = FastAPI(openapi_url=None)
    mount(host, build_api(ledger, FakeAuthenticator()))
    return host, known


@cache
def operations() -> dict[str, Any]:
    """Every operation of the API's description, by method and path."""
    schema = schemathesis.openapi.from_asgi("/solaris/api/v1/openapi.json", served()[0])
    return {found.ok().label: found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)}


@pytest.mark.parametrize("label", list(operations()))
def test_no_request_gets_an_answer_that_is_not_described(label: str) -> None:
    operation, known = operations()[label], served()[1]
    ids = {name: value for name, value in known.items() if f"{{{name}}}" in label}
    strategies = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]
    strategies.append(operation.as_strategy(path_parameters=ids or None))

    @settings(max_examples=CASES, suppress_health_check=list(HealthCheck))
    @given(case=st.one_of(strategies))
    def asked(case: schemathesis.Case[Any]) -> None:
        case.validate_response(case.call(headers=ADMIN), checks=CHECKS)

    asked()


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
async def test_what_is_sent_on_purpose_is_refused(client: httpx.AsyncClient, hostile: Hostile) -> None:
    await require_refused(client, hostile)


async def test_markup_in_a_name_stays_text(client: httpx.AsyncClient) -> None:
    await require_text(client)
