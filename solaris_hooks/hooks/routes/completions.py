"""Text completions: prompts in, choices of text out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from litellm.types.utils import TextChoices, TextCompletionResponse

from solaris_hooks.hooks.origin import certain
from solaris_hooks.hooks.reported import field_of, items_of, text_or_nothing, usage_of
from solaris_hooks.hooks.request_body import Body, ask_for_usage
from solaris_hooks.hooks.routes.route import Demand, Report
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.prompt import read_prompt
from solaris_hooks.quota.sizing import OutputRequest, positive, read_output_request
from solaris_hooks.quota.usage import Usage

MAX_ANSWERS = 2048
"""Prompts times choices: far more than anybody asks for at once."""


class CompletionsRoute:
    """``/v1/completions``, its azure-style twin and ``/engines/{model}/completions``."""

    call_types = frozenset({"atext_completion"})

    def read(self, body: Body, *, media_tokens: int) -> Demand:
        """See :meth:`Route.read`."""
        ask_for_usage(body)
        return Demand(read_prompt(body, media_tokens=media_tokens), _output(body))

    def write_cap(self, body: Body, demand: Demand, tokens: int) -> None:
        """See :meth:`Route.write_cap`."""
        for field in demand.output.cap_fields or ("max_tokens",):
            body[field] = tokens

    def reader(self) -> CompletionsReader:
        """See :meth:`Route.reader`."""
        return CompletionsReader()

    def usage_of(self, answer: object) -> Usage | None:
        """See :meth:`Route.usage_of`."""
        return usage_of(answer)

    def text_of(self, answer: object) -> str:
        """See :meth:`Route.text_of`."""
        return _text_of(answer)


class CompletionsReader:
    """Reads chunks of a text completion."""

    def __init__(self) -> None:
        """Have seen nothing."""
        self._seen: list[Any] = []

    def see(self, chunk: object) -> None:
        """See :meth:`StreamReader.see`."""
        self._seen.append(chunk)

    def added(self, chunk: object) -> str:
        """See :meth:`StreamReader.added`."""
        return _text_of(chunk)

    def usage(self, origin: object) -> Report | None:
        """See :meth:`StreamReader.usage`. The last report that can be believed counts."""
        reports = map(usage_of, reversed(self._seen))
        return certain(next((usage for usage in reports if usage is not None), None), origin)

    def text(self) -> str:
        """See :meth:`StreamReader.text`."""
        return "".join(map(_text_of, self._seen))

    def last(self) -> object | None:
        """See :meth:`StreamReader.last`."""
        return self._seen[-1] if self._seen else None

    def ending(self) -> Sequence[object]:
        """See :meth:`StreamReader.ending`: each choice that began ends for its length."""
        if not self._seen:
            return ()
        head = self._seen[-1]
        choices = sorted({choice.index or 0 for chunk in self._seen for choice in chunk.choices})
        return [
            TextCompletionResponse(
                id=head.id,
                created=head.created,
                model=head.model,
                choices=[TextChoices(index=index, text="", finish_reason="length")],
            )
            for index in choices or [0]
        ]


def _output(body: Body) -> OutputRequest:
    """Every prompt of a list gets its choices, and ``best_of`` of them are generated although ``n`` are shown."""
    output = read_output_request(body)
    best_of = positive(body, "best_of") if body.get("best_of") is not None else 1
    choices = _prompts(body.get("prompt")) * max(output.choices, best_of)
    if choices > MAX_ANSWERS:
        raise InvalidRequestError(f"Ask for at most {MAX_ANSWERS} answers at once.", param="prompt")
    return replace(output, choices=choices)


def _prompts(prompt: object) -> int:
    """How many prompts a request sends: one text, one list of token ids, or a list of either."""
    if not isinstance(prompt, list) or not prompt:
        return 1
    return 1 if all(isinstance(each, int) for each in prompt) else len(prompt)


def _text_of(answer: object) -> str:
    return "".join(
        text_or_nothing(field_of(choice, name))
        for choice in items_of(answer, "choices")
        for name in ("text", "reasoning_content")
    )
