"""A chat completion request, as far as the provider has to understand it."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .errors import RequestError, first_complaint
from .words import TOKENS_PER_MESSAGE, count_words

_MOST_CHOICES = 128
_STRICT = ConfigDict(extra="ignore", strict=True, frozen=True)

Cap = Annotated[int, Field(ge=1)]


class Part(BaseModel):
    """One part of a message's content; only text is read."""

    model_config = _STRICT

    type: str
    text: str | None = None


class Message(BaseModel):
    """One message of the conversation."""

    model_config = _STRICT

    role: str
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """All the text of the message, its parts on lines of their own."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.text)
        return self.content or ""


class StreamOptions(BaseModel):
    """What to send beside the pieces of a stream."""

    model_config = _STRICT

    include_usage: bool | None = None


class ChatRequest(BaseModel):
    """The body of ``POST /v1/chat/completions``; what is not named here is ignored."""

    model_config = _STRICT

    model: Annotated[str, Field(min_length=1)]
    messages: Annotated[list[Message], Field(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_completion_tokens: Cap | None = None
    max_tokens: Cap | None = None
    n: Annotated[int, Field(ge=1, le=_MOST_CHOICES)] | None = None

    @property
    def cap(self) -> int | None:
        """The most tokens that each choice may have; None when the client set no limit."""
        if self.max_completion_tokens is not None:
            return self.max_completion_tokens
        return self.max_tokens

    @property
    def choices(self) -> int:
        """How many answers the client wants."""
        return self.n or 1

    @property
    def wants_usage_chunk(self) -> bool:
        """Whether a stream must end with a usage chunk."""
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def last_user_text(self) -> str:
        """The text of the last user message, or nothing."""
        by_user = (message.text for message in reversed(self.messages) if message.role == "user")
        return next(by_user, "")

    def prompt_tokens(self, last_user_text: str) -> int:
        """Count the prompt: its words, and 4 for each message.

        Args:
            last_user_text: the last user message without its directive.
        """
        words = sum(count_words(message.text) for message in self.messages)
        directive_words = count_words(self.last_user_text) - count_words(last_user_text)
        return words - directive_words + TOKENS_PER_MESSAGE * len(self.messages)

    @model_validator(mode="after")
    def _options_need_a_stream(self) -> Self:
        if self.stream_options is not None and not self.stream:
            message = "stream_options is only allowed when stream is true"
            raise ValueError(message)
        return self


def read_request(body: object) -> ChatRequest:
    """Check a body.

    Raises:
        RequestError: a field is missing or wrong.
    """
    try:
        return ChatRequest.model_validate(body)
    except ValidationError as wrong:
        path, complaint = first_complaint(wrong)
        message = f"Invalid request: {complaint}"
        raise RequestError(message, param=path or None) from wrong
