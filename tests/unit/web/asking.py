"""How tests ask the API, and who may: keys that a fake knows."""

from __future__ import annotations

import datetime as dt

import httpx
from fastapi import Request

from solaris_hooks.quota.ids import AccountId, account_id
from solaris_hooks.web.access import Administrator, ForbiddenError, Holder, UnauthenticatedError

NOW = dt.datetime(2026, 11, 22, 12, 0, tzinfo=dt.UTC)
ADMIN = {"Authorization": "Bearer sk-admin"}
VIEWER = {"Authorization": "Bearer sk-viewer"}
MARIA = {"Authorization": "Bearer sk-user-maria"}


class FakeAuthenticator:
    """Knows one administrator, one viewer, and a user for every ``sk-user-<name>``."""

    async def administrator(self, request: Request, *, change: bool) -> Administrator:
        key = self._key(request)
        if key == "sk-admin" or (key == "sk-viewer" and not change):
            return Administrator(actor="admin:boss")
        raise ForbiddenError

    async def holder(self, request: Request) -> Holder:
        name = self._key(request).removeprefix("sk-user-")
        return Holder(account_id(f"user:{name}"), f"{name}@example.org")

    @staticmethod
    def _key(request: Request) -> str:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not key.startswith("sk-"):
            raise UnauthenticatedError
        return key


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
