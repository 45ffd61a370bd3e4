"""Whole pages, as the web application answers them: every address of administrators and users, signed in, as HTML."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from fastapi import FastAPI
from starlette.routing import BaseRoute, Route

from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.settings import Settings
from solaris_hooks.web.api import mount
from solaris_hooks.web.asgi import MOUNT_PATH
from solaris_hooks.web.site import build_site
from tests.integration.web.asking import form_token
from tests.unit.web.asking import FakeAuthenticator

from . import filling
from .page_books import BUSY, TEAM, Landmarks

DOORS = ("/admin", "/me")
_KEY, _OWN_KEY = "sk-admin", f"sk-user-{BUSY.removeprefix('user:')}"
_SMALL = f"format=csv&q={filling.RARE}"
"""Files are as long as what they hold: the one of ten accounts tells what asking for one costs."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page, or a file.

    Attributes:
        route: its address as the application has it, with the names of what it takes.
        path: its address as it is asked for.
        name: what the report calls it; empty for the route.
        form: what is sent, where it is a form that changes nothing.
        is_file: whether it is a file, which has no goal: it is as long as what it holds.
        status: of its answer.
    """

    route: str
    path: str
    name: str = ""
    form: tuple[tuple[str, str], ...] = field(default=())
    is_file: bool = False
    status: int = 200

    @property
    def title(self) -> str:
        """What the report calls it."""
        return f"{self.route} {self.name}".strip()


def page_routes(routes: Sequence[BaseRoute]) -> set[str]:
    """The addresses of all pages among the routes of an application."""
    return {
        each.path
        for each in routes
        if isinstance(each, Route) and "GET" in (each.methods or ()) and each.path.startswith(DOORS)
    }


def pages_of(marks: Landmarks) -> Sequence[Page]:
    """Every page, some of them in several ways."""
    return [*_figures(marks), *_accounts(), *_lists(marks), *_dry_runs(), *_files(), *_own()]


def _figures(marks: Landmarks) -> Iterator[Page]:
    yield Page("/admin", "/admin")
    for trend in ("hour", "month"):
        yield Page("/admin", f"/admin?trend={trend}", f"by {trend}")
    yield Page("/admin/", "/admin/", status=308)
    yield Page("/admin/live", "/admin/live", "(figures alone)")
    yield Page("/admin/sign-in", "/admin/sign-in")
    yield Page("/admin/health", "/admin/health")
    yield Page("/admin/settings", "/admin/settings")
    yield Page("/admin/ledger", "/admin/ledger")
    yield Page("/admin/ledger/verifications/{verification}", f"/admin/ledger/verifications/{marks.verification}")
    yield Page("/admin/plans", "/admin/plans")
    yield Page("/admin/new-plan", "/admin/new-plan")
    yield Page("/admin/plans/{plan}", "/admin/plans/default")
    yield Page("/admin/reports", "/admin/reports", "this month by user")
    today = dt.datetime.now(dt.UTC).date()
    days = f"since={today - dt.timedelta(days=29)}&until={today}"
    for by in ("user", "team", "model", "plan", "period"):
        for unit in ("whole", "day"):
            yield Page("/admin/reports", f"/admin/reports?by={by}&unit={unit}&{days}", f"30 days by {by}, {unit}")


def _accounts() -> Iterator[Page]:
    one = f"/admin/accounts/{BUSY}"
    yield Page("/admin/accounts", "/admin/accounts")
    yield Page("/admin/accounts", "/admin/accounts?sort=-use_percent&state=critical", "critical, most used first")
    yield Page("/admin/accounts", "/admin/accounts?unseen=14&sort=last_used", "not seen for two weeks")
    yield Page("/admin/accounts", f"/admin/accounts?q={filling.RARE}", "search: ten have it")
    yield Page("/admin/accounts", "/admin/accounts?q=bench-77&sort=-use_percent", "search: a few thousand have it")
    yield Page("/admin/accounts/{account}", one)
    yield Page("/admin/accounts/{account}/entries", f"{one}/entries")
    yield Page("/admin/accounts/{account}/members", f"/admin/accounts/{TEAM}/members")


def _lists(marks: Landmarks) -> Iterator[Page]:
    yield Page("/admin/requests", "/admin/requests")
    yield Page("/admin/requests", "/admin/requests?state=all", "all")
    yield Page("/admin/requests/{request}", f"/admin/requests/{marks.request}")
    yield Page("/admin/refusals", "/admin/refusals")
    yield Page("/admin/refusals", "/admin/refusals?reason=contended&model=model-1", "of a reason and a model")
    yield Page("/admin/refusals", f"/admin/refusals?q={BUSY}", "of an account")
    yield Page("/admin/refusals/{refusal}", f"/admin/refusals/{marks.refusal}")
    yield Page("/admin/alerts", "/admin/alerts")
    yield Page("/admin/alerts", "/admin/alerts?state=dead", "given up")
    yield Page("/admin/alerts/events", "/admin/alerts/events")
    yield Page("/admin/alerts/{delivery}", f"/admin/alerts/{marks.delivery}")
    yield Page("/admin/audit", "/admin/audit")
    yield Page("/admin/audit", "/admin/audit?actor=admin:person-3&action=credits.grant", "of a person and an action")
    yield Page("/admin/audit", "/admin/audit?actor=admin:nobody", "of somebody who did nothing")
    yield Page("/admin/audit/{number}/undo", f"/admin/audit/{marks.change}/undo")
    yield Page("/admin/batches", "/admin/batches")
    yield Page("/admin/batches/{batch}", f"/admin/batches/{marks.batch}")


def _dry_runs() -> Iterator[Page]:
    granted = (("kind", "credits"), ("tokens", "500"))
    hundred = tuple(("account", f"user:bench-{each}") for each in range(1, 101))
    found = (("everybody", "1"), ("q", filling.RARE))
    yield Page("/admin/batches/new", "/admin/batches/new", "(100 accounts)", (*granted, *hundred))
    yield Page("/admin/batches/preview", "/admin/batches/preview", "(100 accounts)", (*granted, *hundred))
    yield Page("/admin/batches/preview", "/admin/batches/preview", "(all that a search finds)", (*granted, *found))
    plan = (
        ("plan_id", "default"),
        ("monthly_tokens", "900000"),
        ("thresholds", "80, 95"),
        ("notices", "on"),
        ("step", "preview"),
    )
    yield Page("/admin/plans", "/admin/plans", "(preview of a change)", plan)


def _files() -> Iterator[Page]:
    today = dt.datetime.now(dt.UTC).date()
    yield Page("/admin/accounts/export", f"/admin/accounts/export?{_SMALL}", "(ten accounts)", is_file=True)
    yield Page("/admin/accounts/{account}/export", f"/admin/accounts/{BUSY}/export", is_file=True)
    yield Page(
        "/admin/reports/export",
        f"/admin/reports/export?format=csv&by=model&unit=day&since={today - dt.timedelta(days=29)}&until={today}",
        "(by model and day)",
        is_file=True,
    )
    yield Page("/admin/reports/accounts", "/admin/reports/accounts?format=csv", "(all of them)", is_file=True)
    yield Page("/admin/reports/audit", "/admin/reports/audit?format=csv", "(all of it)", is_file=True)
    yield Page("/admin/reports/entries", f"/admin/reports/entries?format=csv&account={BUSY}", is_file=True)


def _own() -> Iterator[Page]:
    for path in ("/me", "/me/sign-in", "/me/entries", "/me/refusals", "/me/settings"):
        yield Page(path, path)
    for name in ("entries", "usage", "refusals"):
        for form in ("csv", "xlsx"):
            yield Page(f"/me/{name}.{form}", f"/me/{name}.{form}", is_file=True)
    yield Page("/me/data.json", "/me/data.json", is_file=True)


class Browser:
    """Somebody who has signed in both as an administrator and as the user of an account."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        """Keep the client, which keeps its cookies."""
        self._client = client
        self._token = ""

    async def sign_in(self) -> None:
        """Through both doors."""
        for door, key in zip(DOORS, (_KEY, _OWN_KEY), strict=True):
            answer = await self._client.post(f"{MOUNT_PATH}{door}/sign-in", data={"key": key})
            if answer.is_error:
                raise AssertionError(answer.text)
        self._token = form_token((await self._client.get(f"{MOUNT_PATH}/admin")).text)

    async def ask(self, page: Page) -> float:
        """Ask for a page until its last byte. Returns the milliseconds."""
        began = time.perf_counter()
        if page.form:
            data: dict[str, list[str]] = {"form_token": [self._token]}
            for name, value in page.form:
                data.setdefault(name, []).append(value)
            answer = await self._client.post(f"{MOUNT_PATH}{page.path}", data=data)
        else:
            headers = {"hx-request": "true"} if page.route == "/admin/live" else {}
            answer = await self._client.get(f"{MOUNT_PATH}{page.path}", headers=headers)
        took = (time.perf_counter() - began) * 1000
        if answer.status_code != page.status:
            raise AssertionError(f"{page.title}: {answer.status_code}\n{answer.text[:2000]}")
        return took


@asynccontextmanager
async def browser(ledger: PostgresLedger, url: str) -> AsyncIterator[Browser]:
    """A browser at the whole web part over some books, in this process; LiteLLM's answers about keys are a fake's."""
    settings = Settings(database_url=url, default_locale="en", public_url="http://proxy")
    site = build_site(ledger, FakeAuthenticator(), settings, secrets=["a-secret-for-benchmarks"])
    host = FastAPI()
    mount(host, site.app)
    transport = httpx.ASGITransport(app=host)
    async with httpx.AsyncClient(transport=transport, base_url="http://proxy", timeout=600) as client:
        somebody = Browser(client)
        await somebody.sign_in()
        yield somebody
