"""What each role may do by the API."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from solaris_hooks.roles import Permission, Role
from tests.unit.web.asking import ACCOUNTS, make_account

API = "/solaris/api/v1"
GRANT = {"tokens": 5, "reason": "r", "idempotency_key": "k"}


@pytest.mark.parametrize(
    ("role", "permissions"),
    [
        (Role.SUPER_ADMIN, set(Permission)),
        (Role.ADMIN, {Permission.READ, Permission.VERIFY, Permission.SUPPORT, Permission.CHANGE}),
        (Role.OPERATOR, {Permission.READ, Permission.SUPPORT}),
        (Role.AUDITOR, {Permission.READ, Permission.VERIFY}),
    ],
)
def test_a_role_has_these_permissions_and_no_others(role: Role, permissions: set[Permission]) -> None:
    assert {each for each in Permission if role.may(each)} == permissions


@pytest.mark.parametrize(
    ("permission", "method", "path", "body"),
    [
        (Permission.READ, "GET", f"{ACCOUNTS}/user:maria", None),
        (Permission.VERIFY, "POST", f"{API}/ledger/verify", {}),
        (Permission.SUPPORT, "PUT", f"{ACCOUNTS}/user:maria/mails", {"mails": False, "reason": "r"}),
        (Permission.SUPPORT, "PUT", f"{ACCOUNTS}/user:maria/preferences", {"locale": "en"}),
        (Permission.CHANGE, "POST", f"{ACCOUNTS}/user:maria/credits", GRANT),
        (Permission.CHANGE, "PUT", f"{API}/plans/team", {"monthly_tokens": 5}),
    ],
)
@pytest.mark.parametrize("role", Role)
async def test_an_address_asks_for_one_permission(
    client: httpx.AsyncClient, role: Role, permission: Permission, method: str, path: str, body: Any
) -> None:
    await make_account(client)
    key = "sk-plain-admin" if role is Role.ADMIN else f"sk-{role.value.replace('_', '-')}"
    answer = await client.request(method, path, json=body, headers={"Authorization": f"Bearer {key}"})
    assert (answer.status_code == 403) == (not role.may(permission)), answer.text
