"""How each kind of call is metered: one small module for each shape of request and answer."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from solaris_hooks.hooks.routes.chat import ChatRoute
from solaris_hooks.hooks.routes.route import Demand, Route, StreamReader

__all__ = ["ROUTES", "Demand", "Route", "StreamReader"]

_ROUTES: tuple[Route, ...] = (ChatRoute(),)

ROUTES: Mapping[str, Route] = MappingProxyType({each: route for route in _ROUTES for each in route.call_types})
"""Routes by what LiteLLM calls them: its ``call_type``."""
