"""What end-to-end tests do and see."""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row

from deploy.local.testing import StockProxy

_NAMES = itertools.count(1)


def sim(text: str = "hello", **directive: object) -> list[dict[str, str]]:
    """Messages that tell the simulated provider what to answer."""
    return [{"role": "user", "content": f"{text} #sim {json.dumps(directive)}"}]


def until(condition: Callable[[], bool], *, seconds: float = 20.0) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


@dataclass
class User:
    """A user with a virtual key, and an account of a known size."""

    name: str
    key: str
    world: World

    @property
    def account_id(self) -> str:
        return f"user:{self.name}"

    def chat(self, messages: list[dict[str, Any]], **body: Any) -> httpx.Response:
        headers = body.pop("headers", {})
        path = body.pop("path", "/v1/chat/completions")
        with self.world.proxy.client(self.key) as client:
            return client.post(path, json={"model": "demo", "messages": messages, **body}, headers=headers)

    @contextlib.contextmanager
    def stream(self, messages: list[dict[str, Any]], **body: Any) -> Iterator[httpx.Response]:
        with (
            self.world.proxy.client(self.key) as client,
            client.stream(
                "POST", "/v1/chat/completions", json={"model": "demo", "stream": True, "messages": messages, **body}
            ) as response,
        ):
            yield response

    @property
    def account(self) -> dict[str, Any]:
        rows = self.world.rows("SELECT * FROM solaris.accounts WHERE account_id = %s", self.account_id)
        return rows[0]

    @property
    def used(self) -> int:
        account = self.account
        return int(account["allowance_used"] + account["credits_used"] + account["overage"])

    @property
    def held(self) -> int:
        return int(self.account["held"])

    def usage(self, status: str = "settled") -> list[dict[str, Any]]:
        return self.world.rows(
            "SELECT * FROM solaris.usage WHERE account_id = %s AND status = %s ORDER BY hold_id",
            self.account_id,
            status,
        )

    def settled(self, calls: int = 1) -> list[dict[str, Any]]:
        """Wait until this many calls are booked and nothing is held."""
        until(lambda: len(self.usage()) >= calls and self.held == 0)
        return self.usage()

    def require_what_the_provider_says(self, *, answered: int) -> None:
        """Hold the books against the provider's, whose label is the user's name, after all requests ended."""
        until(lambda: self.world.served(self.name)["in_flight"] == 0)
        rows = self.usage()
        assert self.used == sum(row["charge"] for row in rows)
        # What was left over was given to streams that had to end before their time, and are estimated. A provider
        # may have sent such a stream to its end before it was no longer read.
        served = self.world.served(self.name)
        exact = [row["charge"] for row in rows if row["source"] == "provider"]
        ended_early = [row for row in rows if row["source"] == "estimate"]
        assert len(rows) == served["requests"] + served["unfinished_streams"] == answered
        assert len(exact) + len(ended_early) == len(rows)
        assert served["requests"] - len(exact) <= len(ended_early)
        assert sum(exact) <= served["total_tokens"]
        if len(exact) == served["requests"]:
            assert sum(exact) == served["total_tokens"]


@dataclass
class World:
    """A proxy, its database and the provider."""

    proxy: StockProxy
    database_url: str
    provider_url: str

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        with psycopg.connect(self.database_url, autocommit=True, row_factory=dict_row) as connection:
            return connection.execute(sql, values).fetchall()

    def user(self, *, tokens: int | None = None) -> User:
        """A new user; with ``tokens``, on a plan of that many a month."""
        name = f"user-{next(_NAMES)}-{time.monotonic_ns()}"
        user = User(name, self.proxy.new_key(name), self)
        if tokens is not None:
            plan = f"plan-{tokens}"
            with self.proxy.client() as admin:
                admin.put(f"/solaris/api/v1/plans/{plan}", json={"monthly_tokens": tokens}).raise_for_status()
                admin.put(f"/solaris/api/v1/accounts/{user.account_id}", json={"plan": plan}).raise_for_status()
        return user

    def served(self, label: str) -> dict[str, int]:
        """What the provider says it served under a label."""
        books: dict[str, Any] = httpx.get(f"{self.provider_url.removesuffix('/v1')}/sim/served").json()
        found: dict[str, int] = books["labels"].get(label, {})
        return found

    def bodies(self, label: str) -> list[dict[str, Any]]:
        """The requests the provider got under a label."""
        url = f"{self.provider_url.removesuffix('/v1')}/sim/requests"
        found: list[dict[str, Any]] = httpx.get(url, params={"label": label, "limit": 1000}).json()["requests"]
        return found
