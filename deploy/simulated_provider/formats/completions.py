"""OpenAI's ``POST /v1/completions``: texts continued."""

import time
from typing import Annotated, Any, ClassVar, Self
from uuid import uuid4

from pydantic import Field, model_validator

from deploy.simulated_provider import strict_json
from deploy.simulated_provider.answer import Answer, plan_answer
from deploy.simulated_provider.directive import Directive
from deploy.simulated_provider.pieces import Piece, Text, join
from deploy.simulated_provider.request import MOST_CHOICES, Cap
from deploy.simulated_provider.served import Report, Units, report

from . import sse, usages
from .chat import OpenAICompletionRequest
from .format import TEXT, Format
from .inputs import Input, input_ids, input_texts, inputs_of


class CompletionRequest(OpenAICompletionRequest):
    """The body of ``POST /v1/completions``."""

    directed_field: ClassVar[str] = "prompt"

    prompt: Input
    max_tokens: Cap | None = None
    best_of: Annotated[int, Field(ge=1, le=MOST_CHOICES)] | None = None

    @property
    def cap(self) -> int | None:
        """The most tokens that each choice may have; None when the client set no limit."""
        return self.max_tokens

    @property
    def texts(self) -> list[str]:
        """Every prompt that is a text."""
        return input_texts(self.prompt)

    @property
    def prompt_extras(self) -> int:
        """A token for each token id."""
        return input_ids(self.prompt)

    @property
    def choices(self) -> int:
        """``n`` answers to each prompt."""
        return (self.n or 1) * inputs_of(self.prompt)

    @property
    def generated(self) -> int:
        """``best_of`` answers to each prompt are written, ``n`` are shown."""
        return (self.best_of or self.n or 1) * inputs_of(self.prompt)

    @model_validator(mode="after")
    def _best_are_chosen_from_enough(self) -> Self:
        if self.best_of is not None and self.best_of < (self.n or 1):
            message = "best_of must be at least n"
            raise ValueError(message)
        return self


class CompletionWire:
    """A text completion's bytes."""

    media_type = "application/json"
    units = Units()

    def __init__(self, answer: Answer, usage: Report) -> None:
        """Give the answer an id of its own."""
        self.answer = answer
        self.report = usage
        self._head = {
            "id": f"cmpl-{uuid4().hex}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": answer.model,
        }

    def whole(self) -> bytes:
        """Write the answer that is not a stream."""
        text = join(self.answer.pieces).text
        finish = self.answer.finish_reason
        choices = [_choice(index, text, finish) for index in range(self.answer.choices)]
        return strict_json.write(self._head | {"choices": choices} | self.report.field())

    def opening(self) -> bytes:
        """Write nothing: the first piece opens the stream."""
        return b""

    def chunk(self, choice: int, piece: Piece) -> bytes:
        """Write one piece of a choice."""
        return self._event([_choice(choice, piece.text if isinstance(piece, Text) else "", None)], usage=None)

    def ending(self) -> bytes:
        """Write the end of the stream: each choice's finish, the usage if asked, [DONE]."""
        finish = self.answer.finish_reason
        events = [self._event([_choice(index, "", finish)], usage=None) for index in range(self.answer.choices)]
        if not self.report.omitted:
            events.append(self._event([], usage=self.report.content))
        return b"".join([*events, sse.DONE])

    def _event(self, choices: list[dict[str, Any]], usage: object) -> bytes:
        body = self._head | {"choices": choices}
        if not self.report.omitted:
            body["usage"] = usage
        return sse.event(body)


def _choice(index: int, text: str, finish_reason: str | None) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish_reason}


def _plan(request: CompletionRequest, directive: Directive, message: str) -> CompletionWire:
    answer = plan_answer(request, directive, message)
    return CompletionWire(answer, report(directive, answer.tokens, usages.CHAT, asked=request.wants_usage))


COMPLETIONS = Format("/v1/completions", CompletionRequest, _plan, TEXT)
