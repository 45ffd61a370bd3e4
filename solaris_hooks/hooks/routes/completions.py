"""Text completions: prompts in, choices of text out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from litellm.types.utils import TextChoices, TextCompletionResponse

from solaris_hooks.hooks.reported import field_of, items_of, text_or_nothing, usage_of
from solaris_hooks.hooks.request_body import Body, ask_for_usage
from solaris_hooks.hooks.routes import choices
from solaris_hooks.hooks.routes.choices import ChoicesReader
from solaris_hooks.hooks.routes.route import Demand
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.prompt import made_of, read_prompt
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
        choices.write_cap(body, demand, tokens)

    def reader(self) -> ChoicesReader:
        """See :meth:`Route.reader`."""
        return ChoicesReader(_text_of, _cut_off)

    def usage_of(self, answer: object) -> Usage | None:
        """See :meth:`Route.usage_of`."""
        return usage_of(answer)

    def text_of(self, answer: object) -> str:
        """See :meth:`Route.text_of`."""
        return _text_of(answer)


def _cut_off(head: Any, index: int) -> TextCompletionResponse:
    return TextCompletionResponse(
        id=head.id,
        created=head.created,
        model=head.model,
        choices=[TextChoices(index=index, text="", finish_reason="length")],
    )


def _output(body: Body) -> OutputRequest:
    """Every prompt of a list gets its choices, and ``best_of`` of them are generated although ``n`` are shown."""
    output = read_output_request(body)
    best_of = positive(body, "best_of") if body.get("best_of") is not None else 1
    answers = _prompts(body.get("prompt")) * max(output.choices, best_of)
    if answers > MAX_ANSWERS:
        raise InvalidRequestError(f"Ask for at most {MAX_ANSWERS} answers at once.", param="prompt")
    return replace(output, choices=answers)


def _prompts(prompt: object) -> int:
    """How many prompts a request sends: one text, one list of token ids, or a list of either."""
    if not isinstance(prompt, list) or not prompt:
        return 1
    return 1 if made_of(prompt, int, bool) else len(prompt)


def _text_of(answer: object) -> str:
    return "".join(
        text_or_nothing(field_of(choice, name))
        for choice in items_of(answer, "choices")
        for name in ("text", "reasoning_content")
    )
