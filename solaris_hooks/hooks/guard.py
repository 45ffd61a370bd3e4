"""In front of LiteLLM's router: what is not metered does not reach it.

LiteLLM serves about a thousand addresses, and asks its plugins before the provider's call on some of them only.
The guard finds the function that LiteLLM's router would choose, by the same patterns in the same order, and
refuses what :mod:`solaris_hooks.hooks.addresses` does not know as metered, asked or free.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from fnmatch import fnmatchcase

from fastapi.routing import iter_route_contexts
from starlette._utils import get_route_path
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from solaris_hooks.hooks.addresses import Handling, handling_of, handling_of_mount
from solaris_hooks.hooks.closed_routes import ClosedRoutes

SERVED_BY = "solaris.served_by"
"""Key of the scope under which the name of LiteLLM's function is kept that serves a request."""

MAX_REMEMBERED = 2000
"""Addresses whose handling is remembered; paths hold ids, so there is no end of them."""

_CALL_TYPES = {"realtime_websocket_endpoint": "_arealtime", "responses_websocket_endpoint": "_aresponses_websocket"}
"""Of the web sockets on which LiteLLM asks: what it asks for."""

_let_pass: ContextVar[bool] = ContextVar("solaris_let_pass", default=False)


def let_pass() -> bool:
    """Whether a setting opened the address that the present task serves, unmetered."""
    return _let_pass.get()


@dataclass(frozen=True, slots=True)
class Address:
    """One address of LiteLLM's.

    Attributes:
        kind: ``http``, ``websocket``, or ``*`` for a mounted application, which may serve both.
        methods: None for all.
        name: of the function that serves it.
    """

    kind: str
    pattern: re.Pattern[str]
    methods: frozenset[str] | None
    handling: Handling
    name: str

    def serves(self, kind: str, method: str, path: str) -> bool:
        """Whether LiteLLM's router would choose it."""
        if self.kind not in {kind, "*"} or self.pattern.match(path) is None:
            return False
        return self.methods is None or method in self.methods


_NOWHERE = Address("*", re.compile(""), None, Handling.FREE, "")
"""LiteLLM has no such address, and says so itself."""

_UNKNOWN = Address("*", re.compile(""), None, Handling.CLOSED, "")
"""LiteLLM has it, but in no form that is known here."""


def addresses_of(routes: Sequence[BaseRoute]) -> Iterator[Address]:
    """All addresses of an application, in the order in which its router tries them."""
    for route in iter_route_contexts(routes):
        pattern = getattr(route, "path_regex", None)
        if pattern is None:
            continue
        if route.endpoint is None:  # a mounted application
            yield Address("*", pattern, None, handling_of_mount(route.path or ""), route.path or "")
            continue
        methods = frozenset(route.methods) if route.methods else None
        kind = "http" if methods else "websocket"
        yield Address(kind, pattern, methods, handling_of(route.endpoint), route.endpoint.__name__)


class Guard:
    """Wraps LiteLLM's router."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        routes: Sequence[BaseRoute],
        administrator: Callable[[Scope], Awaitable[bool]],
        at_end: Callable[[ASGIApp], ASGIApp],
        unmetered_routes: Sequence[str] = (),
        unmetered_call_types: Sequence[str] = (),
        closed: ClosedRoutes,
    ) -> None:
        """Keep what decides.

        Args:
            app: LiteLLM's router.
            routes: its live list of routes; LiteLLM adds to it while it runs.
            administrator: whether an administrator's key asks, for whom nothing is closed.
            at_end: wraps the router for addresses whose answers are settled as they leave.
            unmetered_routes: patterns of paths that are open although they are not metered.
            unmetered_call_types: the same by LiteLLM's call types.
            closed: answers on all other addresses.
        """
        self.app = app
        self._routes = routes
        self._administrator = administrator
        self._settled_at_end = at_end(app)
        self._unmetered_routes = tuple(unmetered_routes)
        self._unmetered_call_types = frozenset(unmetered_call_types)
        self._closed = closed
        self._seen: list[BaseRoute] = []
        self._addresses: tuple[Address, ...] = ()
        self._remembered: dict[tuple[str, str, str], Address] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        path = get_route_path(scope)
        address = self.address(scope, path)
        if address.handling is Handling.METERED_AT_END:
            await self._settled_at_end(scope, receive, send)
        elif address.handling in {Handling.METERED, Handling.FREE}:
            scope[SERVED_BY] = address.name
            await self.app(scope, receive, send)
        elif any(fnmatchcase(path, each) for each in self._unmetered_routes):
            token = _let_pass.set(True)
            try:
                await self.app(scope, receive, send)
            finally:
                _let_pass.reset(token)
        elif self._admission_decides(scope, address) or await self._administrator(scope):
            await self.app(scope, receive, send)
        else:
            await self._closed(scope, receive, send, path=path, name=address.name)

    def address(self, scope: Mapping[str, object], path: str) -> Address:
        """The address that LiteLLM's router would choose."""
        if self._seen != self._routes:
            self._seen = list(self._routes)
            self._addresses = tuple(addresses_of(self._seen))
            self._remembered.clear()
        kind, method = str(scope["type"]), str(scope.get("method", ""))
        known = self._remembered.get((kind, method, path))
        if known is None:
            known = next((each for each in self._addresses if each.serves(kind, method, path)), None)
            if known is None:
                # Routers that were included may have grown since: what they would serve is unknown here.
                served = any(route.matches(dict(scope))[0] is Match.FULL for route in self._seen)
                return _UNKNOWN if served else _NOWHERE
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[kind, method, path] = known
        return known

    def _admission_decides(self, scope: Scope, address: Address) -> bool:
        """A web socket must be refused before it is open: once LiteLLM asks, its client would just see it close."""
        if address.handling is not Handling.ASKED:
            return False
        return scope["type"] == "http" or _CALL_TYPES.get(address.name) in self._unmetered_call_types
