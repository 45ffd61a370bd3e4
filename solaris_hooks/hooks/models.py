"""What LiteLLM knows of the models it routes to: output limits, fallbacks, and who answered."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import litellm

CACHE_SECONDS = 60.0
CACHE_ENTRIES = 1000
"""Wildcard deployments let clients choose names: a bound, so that they cannot fill the memory."""

_FALLBACK_LISTS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")


class Models:
    """Facts of models, read from LiteLLM's router and price map, each kept for a minute."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._limits: dict[str, tuple[float, int | None]] = {}

    def output_limit(self, model: str) -> int | None:
        """The most output tokens that any deployment of a model can generate; None if one is unknown."""
        now = time.monotonic()
        known = self._limits.get(model)
        if known is not None and known[0] > now:
            return known[1]
        if len(self._limits) >= CACHE_ENTRIES:
            self._limits.clear()
        limit = _largest(_deployment_limit(each) for each in _deployments(model))
        self._limits[model] = (now + CACHE_SECONDS, limit)
        return limit

    def candidates(self, model: str, body: Mapping[str, Any]) -> tuple[str, ...]:
        """The model and all that LiteLLM may fall back to, each once."""
        names = [model]
        router = _router()
        for field in _FALLBACK_LISTS:
            names += _fallbacks(model, body.get(field))
            names += _fallbacks(model, getattr(router, field, None))
        return tuple(dict.fromkeys(names))


def answering_model(asked: str, body: Mapping[str, Any], response: object) -> str:
    """The public name of the model that answered: the one asked for, unless LiteLLM fell back.

    Args:
        asked: what the client asked for.
        body: the request after routing; LiteLLM leaves the answering deployment in it.
        response: the answer, or a chunk of it, with LiteLLM's hidden parameters.
    """
    hidden = getattr(response, "_hidden_params", None)
    headers = hidden.get("additional_headers") if isinstance(hidden, dict) else None
    attempted = headers.get("x-litellm-attempted-fallbacks") if isinstance(headers, dict) else None
    if not attempted:
        return asked
    name = getattr(body.get("deployment"), "model_name", None)
    return name if isinstance(name, str) and name else asked


def _router() -> Any:
    from litellm.proxy import proxy_server  # noqa: PLC0415 - set after this module is imported

    return proxy_server.llm_router


def _deployments(model: str) -> list[Mapping[str, Any]]:
    router = _router()
    found = router.get_model_list(model_name=model) if router is not None else None
    return list(found or [])


def _deployment_limit(deployment: Mapping[str, Any]) -> int | None:
    info = deployment.get("model_info") or {}
    name = str((deployment.get("litellm_params") or {}).get("model", ""))
    names = (info.get("base_model"), name, name.partition("/")[2])
    for source in (info, *(litellm.model_cost.get(each) or {} for each in names if each)):
        limit = source.get("max_output_tokens")
        if isinstance(limit, int) and limit > 0:
            return limit
    return None


def _largest(limits: Iterable[int | None]) -> int | None:
    largest = 0
    for limit in limits:
        if limit is None:
            return None
        largest = max(largest, limit)
    return largest or None


def _fallbacks(model: str, configured: object) -> Iterator[str]:
    """Names in LiteLLM's two forms: ``[{"a": ["b"]}]``, with ``*`` for every model, or ``["b"]``."""
    for each in configured if isinstance(configured, list) else ():
        if isinstance(each, str):
            yield each
        elif isinstance(each, Mapping):
            if isinstance(each.get("model"), str):
                yield each["model"]
            for asked in (model, "*"):
                yield from (name for name in each.get(asked) or () if isinstance(name, str))
