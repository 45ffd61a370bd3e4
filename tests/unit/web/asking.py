"""How tests ask the API, and who may: keys that a fake knows."""

from __future__ import annotations

import datetime as dt

import httpx
from fastapi import Request

from solaris_hooks.quota.ids import AccountId, account_id
from solaris_hooks.roles import Permission, Role
from solaris_hooks.web.access import Administrator, ForbiddenError, Holder, UnauthenticatedError

NOW = dt.datetime(2026, 11, 22, 12, 0, tzinfo=dt.UTC)
ADMIN = {"Authorization": "Bearer sk-admin"}
VIEWER = {"Authorization": "Bearer sk-viewer"}
MARIA = {"Authorization": "Bearer sk-user-maria"}


class FakeAuthenticator:
    """Knows an administrator of each role, and a user for every ``sk-user-<name>``.

    ``sk-admin`` may do everything, ``sk-viewer`` is an auditor, and ``sk-<role>`` has that role.
    """

    async def administrator(self, request: Request, permission: Permission, *, key: str | None = None) -> Administrator:
        role = ROLES.get(key or self._key(request))
        if role is None or not role.may(permission):
            raise ForbiddenError
        return Administrator("admin:boss", role)

    async def holder(self, request: Request, *, key: str | None = None) -> Holder:
        key = key or self._key(request)
        if not key.startswith("sk-user-"):
            raise UnauthenticatedError
        name = key.removeprefix("sk-user-")
        return Holder(account_id(f"user:{name}"), f"{name}@example.org")

    def key_of_session(self, request: Request) -> str | None:
        return request.cookies.get("token")

    @staticmethod
    def _key(request: Request) -> str:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not key.startswith("sk-"):
            raise UnauthenticatedError
        return key


ROLES = {
    "sk-admin": Role.SUPER_ADMIN,
    "sk-viewer": Role.AUDITOR,
    **{f"sk-{role.value.replace('_', '-')}": role for role in Role if role is not Role.ADMIN},
    "sk-plain-admin": Role.ADMIN,
}

ACCOUNTS = "/solaris/api/v1/accounts"


def error_of(response: httpx.Response, status: int) -> dict[str, str | None]:
    """The error of an answer, whose shape is checked."""
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"error"}
    error: dict[str, str | None] = body["error"]
    assert list(error) == ["type", "message", "param", "code"]
    assert error["code"] == str(status)
    assert error["message"]
    return error


async def make_account(client: httpx.AsyncClient, name: str = "user:maria", /, **fields: object) -> AccountId:
    response = await client.put(f"{ACCOUNTS}/{name}", json=fields)
    assert response.status_code == 200, response.text
    return AccountId(response.json()["id"])
