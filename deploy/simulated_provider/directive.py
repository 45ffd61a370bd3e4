"""What a test asks of the provider inside the last text by the user: ``#sim {...}``."""

import json
import re
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from . import strict_json
from .errors import RequestError, first_complaint

MOST_PIECES = 200_000
"""The longest answer that is really written; report larger figures with ``usage``."""

_MARKER = re.compile(r"\s*#sim\s*(?=\{)")

Tokens = Annotated[int, Field(ge=0)]


class ToolFunction(BaseModel):
    """The function of a tool call, with its arguments as JSON text or as an object."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    arguments: str | dict[str, Any] = "{}"

    def arguments_text(self) -> str:
        """Give the arguments as they travel: JSON text."""
        given = self.arguments
        return given if isinstance(given, str) else json.dumps(given)


class ToolCall(BaseModel):
    """A tool call in OpenAI's shape; the id is made up when there is none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    function: ToolFunction
    id: str | None = None
    type: str = "function"


class Directive(BaseModel):
    """Every field a directive may have; an unknown or wrong one is answered with a 400."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    label: str | None = None
    """Name under which the books also count this request."""
    id: str | None = None
    """Name of a series of tries, for ``fail_times``."""

    prompt_tokens: Tokens | None = None
    """Reported instead of the count of the messages' words."""
    cached_tokens: Tokens = 0
    """How many of the prompt's tokens were read from a cache: a part of them."""
    cache_creation_tokens: Tokens = 0
    """How many were written to a cache, another part of them; Anthropic's messages alone tell."""
    completion_tokens: Annotated[int, Field(ge=0, le=MOST_PIECES)] | None = None
    """Tokens of each choice: the text is repeated or cut to fit, within the cap."""
    reasoning_tokens: Annotated[int, Field(ge=0, le=MOST_PIECES)] = 0
    """How many of the completion's tokens are not shown: a part of them, before the text."""
    ignore_cap: bool = False
    """Answer beyond ``max_tokens``, as a provider that does not honour it."""
    text: str | None = None
    """The answer, instead of the pleasant one; its pieces are its tokens."""
    tool_calls: list[ToolCall] | None = None
    """Called after the text, if one is given: a token for each name and argument piece."""
    finish_reason: str | None = None
    """Given as it is, whatever really ended the answer."""

    images: Annotated[int, Field(ge=0, le=100)] | None = None
    """Images drawn, instead of the ``n`` asked for."""
    seconds: Annotated[float, Field(gt=0, le=1_000_000)] = 1
    """Seconds of audio heard, whatever the file holds; usage and the books round them up."""
    search_units: Annotated[int, Field(ge=0)] | None = None
    """Search units billed, instead of one for every 100 documents begun."""

    token_usage: bool = False
    """Report tokens where a route can do without: images, transcriptions (instead of their seconds), reranking."""
    omit_usage: bool = False
    """Report no usage, even when it is asked for."""
    usage: Any = None
    """Reported as it is, even nonsense, instead of the true figures."""

    delay_ms: Annotated[float, Field(ge=0, le=600_000)] = 0
    """Milliseconds before the answer, or the error, begins."""
    chunk_delay_ms: Annotated[float, Field(ge=0, le=60_000)] = 0
    """Milliseconds before each piece of a stream."""

    status: Annotated[int, Field(ge=400, le=599)] | None = None
    """Answer this HTTP status with an error."""
    fail_times: Annotated[int, Field(ge=1)] | None = None
    """Only the first so many requests with the same ``id`` get ``status``."""
    die_after_chunks: Annotated[int, Field(ge=0)] | None = None
    """Close the connection after so many pieces, without the end of the stream.

    An answer that is not a stream breaks off in the middle of its body.
    """

    @property
    def states_usage(self) -> bool:
        """Whether ``usage`` was given: null is an answer too."""
        return "usage" in self.model_fields_set

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.fail_times is not None and (self.status is None or self.id is None):
            message = "fail_times needs a status and an id"
            raise ValueError(message)
        if self.completion_tokens is not None and self.reasoning_tokens > self.completion_tokens:
            message = "reasoning_tokens are a part of completion_tokens"
            raise ValueError(message)
        return self


def read_directive(text: str, field: str) -> tuple[Directive, str]:
    """Take the directive out of a text.

    Args:
        text: the last text by the user.
        field: the field of the request that it stands in.

    Returns:
        The directive, the default one if there is none, and the text without it.

    Raises:
        RequestError: the directive is not JSON, or asks for what does not exist.
    """
    marker = _MARKER.search(text)
    if marker is None:
        return Directive(), text
    try:
        fields, length = strict_json.read_start(text[marker.end() :])
        directive = Directive.model_validate(fields)
    except ValidationError as wrong:
        _, complaint = first_complaint(wrong)
        message = f"The #sim directive is wrong: {complaint}"
        raise RequestError(message, param=field) from wrong
    except ValueError as broken:
        message = f"The #sim directive is not JSON: {broken}"
        raise RequestError(message, param=field) from broken
    return directive, text[: marker.start()] + text[marker.end() + length :]
