"""Requests that people send on purpose, and the refusal that each must get."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from solaris_hooks.web.asgi import MAX_BODY_BYTES
from tests.unit.web.asking import ACCOUNTS, error_of

JSON = {"Content-Type": "application/json"}
MARIA = f"{ACCOUNTS}/user:maria"
PLANS = "/solaris/api/v1/plans"


@dataclass(frozen=True)
class Hostile:
    """A request, and the status of its refusal.

    Attributes:
        more: what httpx is told beside: ``json``, ``content``, ``headers``.
    """

    name: str
    method: str
    path: str
    status: int
    more: dict[str, Any] = field(default_factory=dict)


def _put(name: str, status: int, body: object) -> Hostile:
    return Hostile(name, "PUT", MARIA, status, {"json": body})


def _raw(name: str, status: int, content: bytes, kind: str = "application/json") -> Hostile:
    return Hostile(name, "PUT", MARIA, status, {"content": content, "headers": {"Content-Type": kind}})


HOSTILE = [
    _raw("a body that is too large", 413, b'{"name": "' + b"x" * MAX_BODY_BYTES + b'"}'),
    _raw("a body in no UTF-8", 400, b'{"name": "\xff\xfe"}'),
    _raw("a body that ends early", 400, b'{"name": "x'),
    _raw("a body that is nested too deep", 400, b'{"name":' + b"[" * 20_000 + b"]" * 20_000 + b"}"),
    _raw("a number that is none", 400, b'{"anchor_day": NaN}'),
    _raw("a number of a thousand digits", 400, b'{"anchor_day": ' + b"9" * 1000 + b"}"),
    _raw("a form", 400, b"name=x", "application/x-www-form-urlencoded"),
    _raw("a form of parts", 400, b"--x\r\n\r\nx\r\n--x--", "multipart/form-data; boundary=x"),
    _raw("XML", 400, b"<?xml version='1.0'?><a/>", "application/xml"),
    _raw("JSON that calls itself text", 400, b'{"name": "x"}', "text/plain"),
    _put("a list for an object", 400, ["name"]),
    _put("NUL in a name", 400, {"name": "a\0b"}),
    _put("a line break in a name", 400, {"name": "a\r\nSet-Cookie: a=b"}),
    _put("half a surrogate in a name", 400, {"name": "a\ud800"}),
    _put("a name of a megabyte's start", 400, {"name": "x" * 50_000}),
    _put("a field that nobody knows", 400, {"__proto__": {"admin": True}}),
    _put("a list for a name", 400, {"name": ["x"]}),
    Hostile("NUL in an id", "GET", f"{ACCOUNTS}/user:a%00b", 400),
    Hostile("a header in an id", "GET", f"{ACCOUNTS}/user:a%0d%0aSet-Cookie:%20a=b", 400),
    Hostile("a header in the id of a plan", "PUT", f"{PLANS}/a%0d%0aX:%20b", 400, {"json": {"monthly_tokens": 1}}),
    Hostile("an id in no UTF-8", "GET", f"{ACCOUNTS}/user:%ff%fe", 404),
    Hostile("an id that is too long", "GET", f"{ACCOUNTS}/user:{'x' * 5000}", 400),
    Hostile("a path that climbs", "GET", f"{ACCOUNTS}/..%2f..%2fhealth", 400),
    Hostile("SQL in an id", "GET", f"{ACCOUNTS}/user:'%3B%20DROP%20SCHEMA%20solaris%3B--", 404),
    Hostile("NUL in a search", "GET", f"{ACCOUNTS}?query=a%00b", 400),
    Hostile("NUL in the name of a plan", "GET", f"{ACCOUNTS}?plan=a%00b", 400),
    Hostile("NUL in an actor", "GET", "/solaris/api/v1/audit?actor=a%00b", 400),
    Hostile("NUL in an action", "GET", "/solaris/api/v1/audit?action=a%00b", 400),
    Hostile("a cursor of somebody's own", "GET", f"{ACCOUNTS}?cursor=' OR 1=1", 400),
    Hostile("a limit without an end", "GET", f"{ACCOUNTS}?limit=999999999999999999999", 400),
    Hostile("a method of somebody's own", "BREW", MARIA, 405),
    Hostile("a method in a header", "POST", MARIA, 405, {"headers": {"X-HTTP-Method-Override": "PUT"}}),
]


async def require_refused(client: httpx.AsyncClient, hostile: Hostile) -> None:
    """Send one; the answer must be the refusal, of the one shape, and carry nothing of the request in a header."""
    answer = await client.request(hostile.method, hostile.path, **_encoded(hostile.more))
    error_of(answer, hostile.status)
    assert "set-cookie" not in answer.headers
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"


async def require_text(client: httpx.AsyncClient) -> None:
    """Markup in a name is kept as it is, and is answered as JSON that no browser takes for a page."""
    name = "<script>alert(1)</script>"
    answer = await client.put(MARIA, json={"name": name})
    assert answer.status_code == 200, answer.text
    assert answer.json()["name"] == name
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


def _encoded(more: dict[str, Any]) -> dict[str, Any]:
    """With JSON written in ASCII, so that what is no text can be sent, too."""
    if "json" not in more:
        return more
    return {"content": json.dumps(more["json"]).encode(), "headers": JSON}
