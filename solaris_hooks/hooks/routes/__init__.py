"""How each kind of call is metered: one small module for each shape of request and answer."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from solaris_hooks.hooks.routes.chat import ChatRoute
from solaris_hooks.hooks.routes.completions import CompletionsRoute
from solaris_hooks.hooks.routes.embeddings import EmbeddingsRoute
from solaris_hooks.hooks.routes.gemini import GeminiRoute
from solaris_hooks.hooks.routes.messages import MessagesRoute
from solaris_hooks.hooks.routes.responses import ResponsesRoute
from solaris_hooks.hooks.routes.route import Demand, Report, Route, StreamReader
from solaris_hooks.hooks.routes.units import (
    ImagesRoute,
    ModerationRoute,
    RerankRoute,
    SpeechRoute,
    TranscriptionRoute,
    settled_by_headers,
)

__all__ = ["ROUTES", "Demand", "Report", "Route", "StreamReader", "settled_by_headers"]

_ROUTES: tuple[Route, ...] = (
    ChatRoute(),
    CompletionsRoute(),
    EmbeddingsRoute(),
    ResponsesRoute(),
    MessagesRoute(),
    GeminiRoute(),
    ImagesRoute(),
    SpeechRoute(),
    TranscriptionRoute(),
    RerankRoute(),
    ModerationRoute(),
)

ROUTES: Mapping[str, Route] = MappingProxyType({each: route for route in _ROUTES for each in route.call_types})
"""Routes by what LiteLLM calls them: its ``call_type``."""
