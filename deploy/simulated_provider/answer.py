"""The answer to a request for text: its pieces, its end and its true tokens."""

from dataclasses import dataclass
from uuid import uuid4

from .directive import MOST_PIECES, Directive, ToolCall
from .errors import RequestError
from .pieces import CallArguments, CallOpening, Piece, Text, Thought
from .request import Request, TextRequest
from .served import Tokens
from .words import pleasant_answer, repeat_pieces, split_pieces

_THOUGHTS = ["Let", " me", " think."]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, decided before its first byte is sent.

    Attributes:
        model: the name that the client asked for.
        choices: how many times the answer is given.
        pieces: the pieces of each choice, in order.
        finish_reason: why each choice ends, in OpenAI's words or a test's.
        tokens: what it truly cost.
    """

    model: str
    choices: int
    pieces: tuple[Piece, ...]
    finish_reason: str
    tokens: Tokens


def plan_answer(request: TextRequest, directive: Directive, message: str, *, thinks_aloud: bool = False) -> Answer:
    """Decide the whole answer.

    Args:
        request: what the client asked for.
        directive: what the test asked for.
        message: the last user text without its directive.
        thinks_aloud: whether the format shows reasoning, as pieces before the text.

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
    if given * request.generated > MOST_PIECES:
        complaint = f"An answer of more than {MOST_PIECES} tokens is not written."
        raise RequestError(complaint, param="n")
    reasoning = min(given, directive.reasoning_tokens)
    thoughts = [Thought(piece) for piece in repeat_pieces(_THOUGHTS, reasoning)] if thinks_aloud else []
    ending = "tool_calls" if called else "stop"
    return Answer(
        model=request.model,
        choices=request.choices,
        pieces=(*thoughts, *_fill(text, called, given - reasoning, request)),
        finish_reason=directive.finish_reason or ("length" if given < wanted else ending),
        tokens=plan_tokens(request, directive, message, given * request.generated, reasoning * request.generated),
    )


def plan_tokens(
    request: Request, directive: Directive, message: str, completion: int = 0, reasoning: int = 0
) -> Tokens:
    """Decide the true tokens of an answer.

    Args:
        request: what the client asked for.
        directive: what the test asked for.
        message: the last user text without its directive.
        completion: the answer's tokens, reasoning included.
        reasoning: how many of them are reasoning.

    Raises:
        RequestError: more of the prompt is cached than there is.
    """
    prompt = directive.prompt_tokens
    if prompt is None:
        prompt = request.prompt_tokens(message)
    if directive.cached_tokens + directive.cache_creation_tokens > prompt:
        complaint = f"cached_tokens are a part of the {prompt} prompt_tokens."
        raise RequestError(complaint, param=request.directed_field)
    return Tokens(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        cached_tokens=directive.cached_tokens,
        cache_creation_tokens=directive.cache_creation_tokens,
        reasoning_tokens=reasoning,
    )


def _text(directive: Directive, message: str) -> list[str]:
    if directive.text is not None:
        return split_pieces(directive.text)
    return [] if directive.tool_calls else split_pieces(pleasant_answer(message))


def _tool_pieces(calls: list[ToolCall]) -> list[Piece]:
    pieces: list[Piece] = []
    for index, call in enumerate(calls):
        pieces.append(CallOpening(index, call.id or f"call_{uuid4().hex}", call.type, call.function.name))
        arguments = split_pieces(call.function.arguments_text())
        pieces.extend(CallArguments(index, piece) for piece in arguments)
    return pieces


def _fill(text: list[str], called: list[Piece], shown: int, request: Request) -> list[Piece]:
    """Make up the pieces that are shown: text fits any number, tool calls only end early."""
    if called:
        return [*map(Text, text), *called][:shown]
    if shown and not text:
        complaint = "An empty text has no pieces: completion_tokens must be the reasoning_tokens."
        raise RequestError(complaint, param=request.directed_field)
    return [Text(piece) for piece in repeat_pieces(text, shown)]
