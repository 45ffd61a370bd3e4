"""Google's generateContent: contents in, candidates out."""

from __future__ import annotations

import json
from collections.abc import Sequence

from solaris_hooks.hooks.origin import certain
from solaris_hooks.hooks.reported import field_of, items_of, text_or_nothing, usage_of
from solaris_hooks.hooks.request_body import Body
from solaris_hooks.hooks.routes.route import Demand, Report
from solaris_hooks.hooks.routes.sse import EventReader
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.prompt import read_prompt
from solaris_hooks.quota.sizing import MAX_CHOICES, OutputRequest, positive, read_output_request
from solaris_hooks.quota.usage import Usage, reported_usage

_CAP_FIELDS = ("maxOutputTokens", "max_output_tokens")
_CHOICE_FIELDS = ("candidateCount", "candidate_count")
_SCHEMA_FIELDS = ("responseSchema", "response_schema", "responseJsonSchema", "response_json_schema")


class GeminiRoute:
    """``/v1beta/models/{model}:generateContent`` and ``:streamGenerateContent``."""

    call_types = frozenset({"agenerate_content", "agenerate_content_stream"})

    def read(self, body: Body, *, media_tokens: int) -> Demand:
        """See :meth:`Route.read`."""
        config = _config(body)
        asked = read_output_request(config, _CAP_FIELDS)
        choices = max((positive(config, name) for name in _CHOICE_FIELDS if config.get(name) is not None), default=1)
        if choices > MAX_CHOICES:
            raise InvalidRequestError(f"candidateCount must be at most {MAX_CHOICES}.", param="candidateCount")
        schema = [config[name] for name in _SCHEMA_FIELDS if name in config]
        prompt = read_prompt({**body, "response_format": schema}, media_tokens=media_tokens)
        return Demand(prompt, OutputRequest(asked.cap, choices, asked.cap_fields))

    def write_cap(self, body: Body, demand: Demand, tokens: int) -> None:
        """See :meth:`Route.write_cap`. LiteLLM reads either name of the settings."""
        config = _config(body)
        for field in demand.output.cap_fields or _CAP_FIELDS[:1]:
            config[field] = tokens

    def reader(self) -> GeminiReader:
        """See :meth:`Route.reader`."""
        return GeminiReader()

    def usage_of(self, answer: object) -> Usage | None:
        """See :meth:`Route.usage_of`. The success event tells it in the words of chats."""
        usage = _first(answer, "usageMetadata", "usage_metadata")
        return usage_of(answer) if usage is None else _usage(usage)

    def text_of(self, answer: object) -> str:
        """See :meth:`Route.text_of`."""
        return _text_of(answer)


class GeminiReader:
    """Reads the events of a streamed answer: bytes, cut anywhere."""

    def __init__(self) -> None:
        """Have seen nothing."""
        self._events = EventReader()
        self._texts: list[str] = []
        self._usage: object = None
        self._complete = False
        self._candidates: set[int] = set()
        self._last: object = None

    def see(self, chunk: object) -> None:
        """See :meth:`StreamReader.see`."""
        self._last = chunk
        for event in self._events.take(chunk):
            self._texts.append(_text_of(event))
            usage = _first(event, "usageMetadata", "usage_metadata")
            self._usage = self._usage if usage is None else usage
            for candidate in items_of(event, "candidates"):
                index = field_of(candidate, "index")
                self._candidates.add(index if isinstance(index, int) else 0)
                self._complete = self._complete or bool(field_of(candidate, "finishReason"))

    def added(self, chunk: object) -> str:
        """See :meth:`StreamReader.added`."""
        return "".join(map(_text_of, self._events.look(chunk)))

    def usage(self, origin: object) -> Report | None:
        """See :meth:`StreamReader.usage`: figures grow from chunk to chunk, and are whole at the end alone."""
        return certain(_usage(self._usage), origin) if self._complete else None

    def text(self) -> str:
        """See :meth:`StreamReader.text`."""
        return "".join(self._texts)

    def last(self) -> object | None:
        """See :meth:`StreamReader.last`."""
        return self._last

    def ending(self) -> Sequence[object]:
        """See :meth:`StreamReader.ending`: each candidate that began ends for its length."""
        if self._last is None:
            return ()
        candidates = [
            {"content": {"parts": [], "role": "model"}, "finishReason": "MAX_TOKENS", "index": index}
            for index in sorted(self._candidates) or [0]
        ]
        return self._events.written_like(self._last, [{"candidates": candidates}], named=False)


def _config(body: Body) -> dict[str, object]:
    """The settings of the generation, under the one name that LiteLLM prefers."""
    given = body.pop("config", None)
    config = given if given is not None else body.get("generationConfig")
    if config is None:
        config = {}
    if not isinstance(config, dict):
        raise InvalidRequestError("generationConfig must be an object.", param="generationConfig")
    body["generationConfig"] = config
    return config


def _usage(usage: object) -> Usage | None:
    """Google counts thoughts beside the candidates' tokens, and what its own tools read beside the prompt's."""
    names = ("promptTokenCount", "toolUsePromptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    counts = [_first(usage, name) or 0 for name in names]
    if field_of(usage, names[0]) is None or not all(isinstance(count, int) and count >= 0 for count in counts):
        return None
    prompt, by_tools, candidates, thoughts = (count if isinstance(count, int) else 0 for count in counts)
    return reported_usage(
        prompt_tokens=prompt + by_tools,
        completion_tokens=candidates + thoughts,
        cached_tokens=field_of(usage, "cachedContentTokenCount"),
        reasoning_tokens=thoughts,
    )


def _first(holder: object, *names: str) -> object:
    return next((value for name in names if (value := field_of(holder, name)) is not None), None)


def _text_of(answer: object) -> str:
    texts: list[str] = []
    for candidate in items_of(answer, "candidates"):
        for part in items_of(field_of(candidate, "content"), "parts"):
            texts.append(text_or_nothing(field_of(part, "text")))
            called = field_of(part, "functionCall")
            texts.append(json.dumps(called) if isinstance(called, dict) else "")
    return "".join(texts)
