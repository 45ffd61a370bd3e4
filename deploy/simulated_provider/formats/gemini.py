"""Google's ``POST /v1beta/models/{model}:generateContent`` and ``:streamGenerateContent``."""

from dataclasses import replace
from itertools import count
from typing import Annotated, Any, ClassVar
from uuid import uuid4

from pydantic import AliasChoices, BaseModel, Field

from deploy.simulated_provider import strict_json
from deploy.simulated_provider.answer import Answer, plan_answer
from deploy.simulated_provider.directive import Directive
from deploy.simulated_provider.errors import FIRST_SERVER_STATUS
from deploy.simulated_provider.pieces import Piece, Text, join
from deploy.simulated_provider.request import STRICT, Cap, Choices, TextRequest, message_tokens
from deploy.simulated_provider.served import Report, Tokens, Units, report

from . import sse, usages
from .format import CONVERSATION, Format

_FINISH_REASONS = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}
_STATUSES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class GeminiPart(BaseModel):
    """One part of a content; only text is read."""

    model_config = STRICT

    text: str | None = None


class Content(BaseModel):
    """One turn of the conversation, by the user unless it says otherwise."""

    model_config = STRICT

    role: str = "user"
    parts: list[GeminiPart] = Field(default_factory=list)

    @property
    def text(self) -> str:
        """All the text, its parts on lines of their own."""
        return "\n".join(part.text for part in self.parts if part.text)


class GenerationConfig(BaseModel):
    """How to answer. Google reads either spelling of a name."""

    model_config = STRICT

    max_output_tokens: Cap | None = Field(
        default=None, validation_alias=AliasChoices("maxOutputTokens", "max_output_tokens")
    )
    candidate_count: Choices | None = Field(
        default=None, validation_alias=AliasChoices("candidateCount", "candidate_count")
    )


class GeminiRequest(TextRequest):
    """The body of either route; the path tells the model, and whether it is streamed."""

    directed_field: ClassVar[str] = "contents"

    contents: Annotated[list[Content], Field(min_length=1)]
    system: Content | None = Field(
        default=None, validation_alias=AliasChoices("systemInstruction", "system_instruction")
    )
    config: GenerationConfig = Field(
        default_factory=GenerationConfig, validation_alias=AliasChoices("generationConfig", "generation_config")
    )

    @property
    def cap(self) -> int | None:
        """The most tokens that each candidate may have; None when the client set no limit."""
        return self.config.max_output_tokens

    @property
    def choices(self) -> int:
        """How many candidates the client wants."""
        return self.config.candidate_count or 1

    @property
    def texts(self) -> list[str]:
        """Every text of the prompt, the system's first."""
        return [self.system.text if self.system else "", *(content.text for content in self.contents)]

    @property
    def said(self) -> str:
        """The text of the last content by the user, or nothing."""
        by_user = (content.text for content in reversed(self.contents) if content.role == "user")
        return next(by_user, "")

    @property
    def prompt_extras(self) -> int:
        """Four tokens for each content."""
        return message_tokens(len(self.contents))


class GeminiWire:
    """Candidates' bytes."""

    media_type = "application/json; charset=UTF-8"
    units = Units()

    def __init__(self, answer: Answer, usage: Report, running: Tokens | None) -> None:
        """Give the answer an id of its own.

        Args:
            answer: what is answered.
            usage: what is reported at its end.
            running: the prompt's tokens, when each event tells how far it got: not when usage is stated.
        """
        self.answer = answer
        self.report = usage
        self._running = running
        self._sent = count(1)
        self._head = {"modelVersion": answer.model, "responseId": uuid4().hex}
        joined = join(answer.pieces)
        self._text = joined.text
        self._calls = [
            {"functionCall": {"id": call.opening.id, "name": call.opening.name, "args": call.read()}}
            for call in joined.calls
        ]

    def whole(self) -> bytes:
        """Write the answer that is not a stream."""
        text = [{"text": self._text}] if self._text else []
        return strict_json.write(self._ended([*text, *self._calls]))

    def opening(self) -> bytes:
        """Write nothing: the first piece opens the stream."""
        return b""

    def chunk(self, choice: int, piece: Piece) -> bytes:
        """Write one piece of a candidate; those of a call wait, as a call is not parted here."""
        sent = next(self._sent)
        if not isinstance(piece, Text):
            return b""
        usage = self.report.field("usageMetadata")
        if usage and self._running is not None:
            far = self._running.reasoning_tokens + sent
            tokens = replace(self._running, completion_tokens=far, total_tokens=self._running.prompt_tokens + far)
            usage = {"usageMetadata": usages.GEMINI.write(tokens)}
        return sse.event(self._head | {"candidates": [_candidate(choice, [{"text": piece.text}])]} | usage)

    def ending(self) -> bytes:
        """Write the calls, why each candidate ends, and the usage."""
        return sse.event(self._ended(self._calls or [{"text": ""}]))

    def _ended(self, parts: list[dict[str, Any]]) -> dict[str, Any]:
        reason = self.answer.finish_reason
        finish = {"finishReason": _FINISH_REASONS.get(reason, reason)}
        candidates = [_candidate(index, parts) | finish for index in range(self.answer.choices)]
        return self._head | {"candidates": candidates} | self.report.field("usageMetadata")


def _candidate(index: int, parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"index": index, "content": {"role": "model", "parts": parts}}


def _refusal(status: int, message: str, param: str | None) -> dict[str, Any]:
    del param  # Google names it in the message alone
    fallback = "INTERNAL" if status >= FIRST_SERVER_STATUS else "INVALID_ARGUMENT"
    return {"error": {"code": status, "message": message, "status": _STATUSES.get(status, fallback)}}


def _plan(request: GeminiRequest, directive: Directive, message: str) -> GeminiWire:
    answer = plan_answer(request, directive, message)
    running = None if directive.states_usage else answer.tokens
    return GeminiWire(answer, report(directive, answer.tokens, usages.GEMINI), running)


_MODEL = "/v1beta/models/{model}"
GENERATE = Format(f"{_MODEL}:generateContent", GeminiRequest, _plan, CONVERSATION, _refusal)
STREAM_GENERATE = Format(
    f"{_MODEL}:streamGenerateContent", GeminiRequest, _plan, CONVERSATION, _refusal, {"stream": True}
)
