"""What LiteLLM knows of the models it routes to: output limits, fallbacks, and who answered."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import litellm

CACHE_SECONDS = 60.0
CACHE_ENTRIES = 1000
"""Wildcard deployments let clients choose names: a bound, so that they cannot fill the memory."""

_FALLBACK_LISTS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What LiteLLM says of a model's deployments, taken together.

    Attributes:
        output_limit: the most output tokens that any of them can generate; None if one is unknown.
        hides_output: one may generate tokens that its stream does not show: hidden reasoning.
        window: the longest prompt that any of them reads, in tokens; None if one is unknown.
    """

    output_limit: int | None
    hides_output: bool
    window: int | None = None


class Models:
    """Facts of models, read from LiteLLM's router and price map, each kept for a minute."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._known: dict[str, tuple[float, ModelFacts]] = {}

    def facts(self, model: str) -> ModelFacts:
        """What is known of a model by its public name."""
        now = time.monotonic()
        known = self._known.get(model)
        if known is not None and known[0] > now:
            return known[1]
        if len(self._known) >= CACHE_ENTRIES:
            self._known.clear()
        deployments = _deployments(model)
        facts = ModelFacts(
            output_limit=_largest(_limit(each, "max_output_tokens") for each in deployments),
            hides_output=any(map(_reasons, deployments)),
            window=_largest(_limit(each, "max_input_tokens") for each in deployments),
        )
        self._known[model] = (now + CACHE_SECONDS, facts)
        return facts

    def candidates(self, model: str, body: Mapping[str, Any]) -> tuple[str, ...]:
        """The model and all that LiteLLM may fall back to, each once."""
        names = [model]
        router = _router()
        for field in _FALLBACK_LISTS:
            names += _fallbacks(model, body.get(field))
            names += _fallbacks(model, getattr(router, field, None))
        return tuple(dict.fromkeys(names))

    @staticmethod
    def named(model: str, body: Mapping[str, Any]) -> tuple[str, ...]:
        """The model and those that the request itself, not the configuration, names to fall back to."""
        names = [model]
        for field in _FALLBACK_LISTS:
            names += _fallbacks(model, body.get(field))
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


def _facts(deployment: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What is said of a deployment, the most specific first: its own settings, then LiteLLM's price map."""
    info = deployment.get("model_info") or {}
    name = str((deployment.get("litellm_params") or {}).get("model", ""))
    yield info
    for each in (info.get("base_model"), name, name.partition("/")[2]):
        if each and each in litellm.model_cost:
            yield litellm.model_cost[each]


def _limit(deployment: Mapping[str, Any], name: str) -> int | None:
    for facts in _facts(deployment):
        limit = facts.get(name)
        if isinstance(limit, int) and limit > 0:
            return limit
    return None


def _reasons(deployment: Mapping[str, Any]) -> bool:
    said = (facts["supports_reasoning"] for facts in _facts(deployment) if "supports_reasoning" in facts)
    return bool(next(said, False))


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
