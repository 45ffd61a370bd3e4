"""The answer to a request: its pieces, its end and the usage reported for it."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from .directive import MOST_PIECES, Directive, ToolCall
from .errors import RequestError
from .request import ChatRequest
from .words import pleasant_answer, repeat_pieces, split_pieces

Delta = dict[str, Any]
"""One piece as a stream sends it: what a choice's message gains."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, decided before its first byte is sent.

    Attributes:
        model: the name that the client asked for.
        choices: how many times the answer is given.
        pieces: the pieces of each choice, in order.
        finish_reason: why each choice ends.
        reports_usage: whether usage is reported, if it is asked for.
        usage: what is reported, verbatim.
    """

    model: str
    choices: int
    pieces: tuple[Delta, ...]
    finish_reason: str
    reports_usage: bool
    usage: Any


def plan_answer(request: ChatRequest, directive: Directive, message: str) -> Answer:
    """Decide the whole answer.

    Args:
        request: what the client asked for.
        directive: what the test asked for.
        message: the last user message without its directive.

    Raises:
        RequestError: the directive contradicts the request or itself.
    """
    text = _text(directive, message)
    called = _tool_pieces(directive.tool_calls or [])
    wanted = directive.completion_tokens
    if wanted is None:
        wanted = len(text) + len(called) + directive.reasoning_tokens
    uncapped = request.cap is None or directive.ignore_cap
    given = wanted if uncapped else min(wanted, request.cap or wanted)
    if given * request.choices > MOST_PIECES:
        complaint = f"An answer of more than {MOST_PIECES} tokens is not written."
        raise RequestError(complaint, param="n")
    reasoning = min(given, directive.reasoning_tokens)
    usage = _usage(
        _prompt_tokens(request, directive, message),
        directive.cached_tokens,
        given * request.choices,
        reasoning * request.choices,
    )
    ending = "tool_calls" if called else "stop"
    return Answer(
        model=request.model,
        choices=request.choices,
        pieces=tuple(_fill(text, called, given - reasoning)),
        finish_reason=directive.finish_reason or ("length" if given < wanted else ending),
        reports_usage=not directive.omit_usage,
        usage=directive.usage if directive.states_usage else usage,
    )


def _text(directive: Directive, message: str) -> list[str]:
    if directive.text is not None:
        return split_pieces(directive.text)
    return [] if directive.tool_calls else split_pieces(pleasant_answer(message))


def _tool_pieces(calls: list[ToolCall]) -> list[Delta]:
    pieces: list[Delta] = []
    for index, call in enumerate(calls):
        opening = {
            "index": index,
            "id": call.id or f"call_{uuid4().hex}",
            "type": call.type,
            "function": {"name": call.function.name, "arguments": ""},
        }
        pieces.append({"tool_calls": [opening]})
        pieces.extend(
            {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
            for piece in split_pieces(call.function.arguments_text())
        )
    return pieces


def _fill(text: list[str], called: list[Delta], shown: int) -> list[Delta]:
    """Make up the pieces that are shown: text fits any number, tool calls only end early."""
    if called:
        return [*({"content": piece} for piece in text), *called][:shown]
    if shown and not text:
        complaint = "An empty text has no pieces: completion_tokens must be the reasoning_tokens."
        raise RequestError(complaint, param="messages")
    return [{"content": piece} for piece in repeat_pieces(text, shown)]


def _prompt_tokens(request: ChatRequest, directive: Directive, message: str) -> int:
    prompt = directive.prompt_tokens
    if prompt is None:
        prompt = request.prompt_tokens(message)
    if directive.cached_tokens > prompt:
        complaint = f"cached_tokens are a part of the {prompt} prompt_tokens."
        raise RequestError(complaint, param="messages")
    return prompt


def _usage(prompt: int, cached: int, completion: int, reasoning: int) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
