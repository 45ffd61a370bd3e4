"""Users' own pages, asked as browsers ask them."""

from __future__ import annotations

import datetime as dt

import httpx
from fastapi import FastAPI, Request

from solaris_hooks.quota.ids import AccountId
from solaris_hooks.web.access import AuthenticationUnavailableError, ForbiddenError, Holder, UnauthenticatedError
from solaris_hooks.web.links import Tickets
from tests.integration.web.asking import form_token
from tests.integration.web.conftest import SECRETS
from tests.unit.web.asking import FakeAuthenticator

ME = "/solaris/me"
PAGES = (
    "",
    "/entries",
    "/entries?before=2",
    "/refusals",
    "/settings",
    "/refusals.csv",
    "/refusals.xlsx",
    "/entries.csv",
    "/entries.xlsx",
    "/usage.csv",
    "/usage.xlsx",
    "/data.json",
)
CANCEL = "/requests/7d309d8d-7fca-45e6-82a9-f7fa34cf8895/cancel"
FORMS = ("/requests", "/settings", "/leave", "/leave-everywhere", CANCEL)
SECOND = dt.timedelta(seconds=1)


class Keys(FakeAuthenticator):
    """Keys that tests revoke or give to somebody else, checked by somebody who may be away."""

    def __init__(self) -> None:
        self.revoked: set[str] = set()
        self.given: dict[str, AccountId] = {}
        self.away = False

    async def holder(self, request: Request, *, key: str | None = None) -> Holder:
        if self.away:
            raise AuthenticationUnavailableError
        if key in self.revoked:
            raise UnauthenticatedError
        if key == "sk-master":
            raise ForbiddenError
        if key in self.given:
            return Holder(self.given[key])
        return await super().holder(request, key=key)


def another(host: FastAPI, client: httpx.AsyncClient | None = None) -> httpx.AsyncClient:
    """Another browser; with the cookies of one, if given."""
    made = httpx.AsyncClient(transport=httpx.ASGITransport(app=host), base_url="http://proxy")
    if client is not None:
        made.cookies = httpx.Cookies(client.cookies)
    return made


async def entered(client: httpx.AsyncClient, name: str) -> httpx.AsyncClient:
    """Sign in with the key of somebody."""
    answer = await client.post(f"{ME}/sign-in", data={"key": f" sk-user-{name} "})
    assert (answer.status_code, answer.headers["location"]) == (303, ME), answer.text
    return client


async def token_of(client: httpx.AsyncClient) -> str:
    return form_token((await client.get(ME)).text)


def link_of(name: str, *, purpose: str = "statement", secrets: list[str] | None = None) -> str:
    tickets = Tickets(secrets or SECRETS, purpose, lifetime_seconds=900)
    return f"{ME}?token={tickets.write(AccountId(f'user:{name}'))}"
