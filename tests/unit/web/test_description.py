"""The API describes itself, and truly."""

from __future__ import annotations

from typing import Any

import httpx
import jsonschema  # type: ignore[import-untyped]
import pytest
from fastapi import FastAPI

from solaris_hooks.web.bodies import AccountBody, CreditsBody, PlanBody
from tests.unit.web.asking import ACCOUNTS, make_account


@pytest.fixture
async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    response = await client.get("/solaris/api/v1/openapi.json", headers={"Authorization": ""})
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    return found


async def test_it_names_every_address(document: dict[str, Any]) -> None:
    assert {path: sorted(operations) for path, operations in document["paths"].items()} == {
        "/api/v1/accounts": ["get"],
        "/api/v1/accounts/{account}": ["get", "put"],
        "/api/v1/accounts/{account}/credits": ["post"],
        "/api/v1/accounts/{account}/entries": ["get"],
        "/api/v1/accounts/{account}/reset": ["post"],
        "/api/v1/accounts/{account}/messages": ["post"],
        "/api/v1/accounts/{account}/preferences": ["get", "put"],
        "/api/v1/accounts/{account}/export": ["get"],
        "/api/v1/me/preferences": ["get", "put"],
        "/api/v1/me/export": ["get"],
        "/api/v1/accounts/{account}/lots": ["get"],
        "/api/v1/accounts/{account}/lots/{lot}/revoke": ["post"],
        "/api/v1/accounts/{account}/usage": ["get"],
        "/api/v1/accounts/{account}/plan": ["put"],
        "/api/v1/accounts/{account}/scheduled_plan": ["delete"],
        "/api/v1/accounts/{account}/overrides": ["put"],
        "/api/v1/accounts/{account}/overrides/{field}": ["delete"],
        "/api/v1/audit": ["get"],
        "/api/v1/accounts/{account}/mails": ["get", "put"],
        "/api/v1/deliveries": ["get"],
        "/api/v1/deliveries/{delivery}": ["get"],
        "/api/v1/deliveries/{delivery}/resend": ["post"],
        "/api/v1/accounts/{account}/members": ["get", "put"],
        "/api/v1/accounts/{account}/members/{member}": ["get", "put"],
        "/api/v1/accounts/{account}/members/{member}/usage": ["get"],
        "/api/v1/requests": ["get"],
        "/api/v1/requests/{request}": ["get"],
        "/api/v1/requests/{request}/approve": ["post"],
        "/api/v1/requests/{request}/reject": ["post"],
        "/api/v1/me/packages": ["get"],
        "/api/v1/me/requests": ["get", "post"],
        "/api/v1/me/requests/{request}/cancel": ["post"],
        "/api/v1/plans": ["get"],
        "/api/v1/plans/{plan}": ["get", "put"],
        "/api/v1/me/refusals": ["get"],
        "/api/v1/refusals": ["get"],
        "/api/v1/refusals/totals": ["get"],
        "/api/v1/refusals/{refusal}": ["get"],
        "/api/v1/me": ["get"],
        "/api/v1/me/entries": ["get"],
        "/api/v1/me/usage": ["get"],
        "/api/v1/me/calls": ["get"],
        "/api/v1/exports/accounts": ["get"],
        "/api/v1/exports/accounts/{account}/entries": ["get"],
        "/api/v1/exports/audit": ["get"],
        "/api/v1/ledger/verify": ["post"],
        "/health": ["get"],
    }
    assert [server["url"] for server in document["servers"]] == ["/solaris"]


async def test_every_operation_is_explained_and_its_errors_have_the_one_shape(document: dict[str, Any]) -> None:
    for operations in document["paths"].values():
        for operation in operations.values():
            assert operation["summary"]
            assert operation["description"]
            assert "422" not in operation["responses"]
            for status, response in operation["responses"].items():
                schema = response["content"]["application/json"]["schema"]
                is_error = schema["$ref"].endswith("/ErrorAnswer")
                assert is_error == (int(status) >= 400)
    assert "HTTPValidationError" not in document["components"]["schemas"]


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(node: object) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [each for value in node.values() for each in references(value)]
        return [each for value in node for each in references(value)] if isinstance(node, list) else []

    for reference in references(document):
        target: Any = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
        jsonschema.Draft202012Validator.check_schema(target)


async def test_answers_are_as_described(client: httpx.AsyncClient, document: dict[str, Any]) -> None:
    await make_account(client)
    await client.post(
        f"{ACCOUNTS}/user:maria/credits",
        json={"tokens": 5, "reason": "r", "idempotency_key": "k", "expires_at": "2027-01-01T00:00:00Z"},
    )
    described = {
        f"{ACCOUNTS}/user:maria": "AccountAnswer",
        ACCOUNTS: "AccountsAnswer",
        f"{ACCOUNTS}/user:maria/entries": "EntriesAnswer",
        f"{ACCOUNTS}/user:maria/usage": "UsageAnswer",
        "/solaris/api/v1/plans": "PlansAnswer",
        "/solaris/health": "HealthAnswer",
        "/solaris/none": "ErrorAnswer",
    }
    for path, name in described.items():
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        jsonschema.validate((await client.get(path)).json(), schema)


@pytest.mark.parametrize("body", [AccountBody, CreditsBody, PlanBody])
def test_the_examples_are_valid(body: type[AccountBody | CreditsBody | PlanBody]) -> None:
    for example in body.model_json_schema()["examples"]:
        body.model_validate(example)


def test_it_needs_no_page_from_elsewhere(api: FastAPI) -> None:
    assert (api.docs_url, api.redoc_url) == (None, None)
