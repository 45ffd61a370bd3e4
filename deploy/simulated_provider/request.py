"""What the requests of all formats have in common, as far as the provider has to understand them."""

from abc import abstractmethod
from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .errors import RequestError, first_complaint
from .words import TOKENS_PER_MESSAGE, count_words

MOST_CHOICES = 128
STRICT = ConfigDict(extra="ignore", strict=True, frozen=True)
FORM = ConfigDict(extra="ignore", strict=False, frozen=True)
"""For bodies that are forms: these have only texts."""

Cap = Annotated[int, Field(ge=1)]
Choices = Annotated[int, Field(ge=1, le=MOST_CHOICES)]


class Part(BaseModel):
    """One part of a message's content; only text is read."""

    model_config = STRICT

    type: str
    text: str | None = None


def text_of(content: str | list[Part] | None) -> str:
    """Give all the text of a content, its parts on lines of their own."""
    if isinstance(content, list):
        return "\n".join(part.text for part in content if part.text)
    return content or ""


class Message(BaseModel):
    """One message of a conversation."""

    model_config = STRICT

    role: str
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """All the text of the message."""
        return text_of(self.content)


class StreamOptions(BaseModel):
    """What to send beside the pieces of a stream."""

    model_config = STRICT

    include_usage: bool | None = None


class Request(BaseModel):
    """A body; what a format does not name is ignored."""

    model_config = STRICT

    directed_field: ClassVar[str]
    """The field whose last text may hold a directive."""

    model: Annotated[str, Field(min_length=1)]

    @property
    @abstractmethod
    def texts(self) -> list[str]:
        """Every text of the prompt."""

    @property
    def said(self) -> str:
        """The last text by the user, where a directive may stand; one of the texts, or nothing."""
        return self.texts[-1] if self.texts else ""

    @property
    def prompt_extras(self) -> int:
        """Tokens of the prompt beside its words."""
        return 0

    def prompt_tokens(self, said: str) -> int:
        """Count the prompt.

        Args:
            said: the last text by the user without its directive.
        """
        words = sum(count_words(text) for text in self.texts)
        return words - (count_words(self.said) - count_words(said)) + self.prompt_extras

    @classmethod
    def read(cls, body: object) -> Self:
        """Check a body.

        Raises:
            RequestError: a field is missing or wrong.
        """
        try:
            return cls.model_validate(body)
        except ValidationError as wrong:
            path, complaint = first_complaint(wrong)
            message = f"Invalid request: {complaint}"
            raise RequestError(message, param=path or None) from wrong


class TextRequest(Request):
    """A request that is answered with text, streamed if the client wants."""

    stream: bool | None = None

    @property
    @abstractmethod
    def cap(self) -> int | None:
        """The most tokens that each choice may have; None when the client set no limit."""

    @property
    def choices(self) -> int:
        """How many answers the client wants."""
        return 1

    @property
    def generated(self) -> int:
        """How many answers are written and counted, those that are not shown included."""
        return self.choices


def last_by_user(messages: list[Message]) -> str:
    """Give the text of the last user message, or nothing."""
    by_user = (message.text for message in reversed(messages) if message.role == "user")
    return next(by_user, "")


def message_tokens(messages: int) -> int:
    """Give what so many messages count beyond their words."""
    return TOKENS_PER_MESSAGE * messages
