"""What a format is: how a route's requests are read, answered and refused."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from deploy.simulated_provider.answer import Answer
from deploy.simulated_provider.directive import Directive, read_directive
from deploy.simulated_provider.errors import RequestError, error_body
from deploy.simulated_provider.pieces import Piece
from deploy.simulated_provider.request import Request
from deploy.simulated_provider.served import Report, Units

R = TypeVar("R", bound=Request)

FAULTS = frozenset({"label", "id", "delay_ms", "status", "fail_times", "die_after_chunks"})
"""What a directive may ask of every route."""

USAGE = FAULTS | {"prompt_tokens", "omit_usage", "usage"}
"""What it may ask of the routes that report usage."""

TEXT = USAGE | {
    "cached_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "ignore_cap",
    "text",
    "finish_reason",
    "chunk_delay_ms",
}
"""What it may ask of the routes that answer with text."""

CONVERSATION = TEXT | {"tool_calls"}
"""What it may ask of the routes that converse."""


class Wire(Protocol):
    """One answer's bytes, under one answer id."""

    @property
    def media_type(self) -> str:
        """What the whole body is."""
        ...

    @property
    def report(self) -> Report:
        """The usage that goes with it."""
        ...

    @property
    def units(self) -> Units:
        """What it is made of beside tokens."""
        ...

    def whole(self) -> bytes:
        """Write the answer in one piece."""
        ...


@dataclass(frozen=True, slots=True)
class WholeWire:
    """The bytes of an answer that is never streamed."""

    body: bytes
    report: Report
    units: Units = field(default_factory=Units)
    media_type: str = "application/json"

    def whole(self) -> bytes:
        """Write the answer."""
        return self.body


@runtime_checkable
class StreamWire(Wire, Protocol):
    """A wire that can also stream, piece by piece.

    Attributes:
        answer: what is streamed.
    """

    answer: Answer

    def opening(self) -> bytes:
        """Write what comes before the first piece."""
        ...

    def chunk(self, choice: int, piece: Piece) -> bytes:
        """Write one piece of a choice."""
        ...

    def ending(self) -> bytes:
        """Write what follows the last piece."""
        ...


@dataclass(frozen=True, slots=True)
class Format(Generic[R]):
    """One route.

    Attributes:
        path: where it is; the books know it by this name.
        request: what its bodies are.
        plan: decides the answer to a request, from its directive and what was said beside.
        directed_by: the fields that its directives may have.
        refusal: writes an error, from its HTTP status, message and parameter.
        constants: fields that the path stands for.
    """

    path: str
    request: type[R]
    plan: Callable[[R, Directive, str], Wire]
    directed_by: frozenset[str] = TEXT
    refusal: Callable[[int, str, str | None], dict[str, Any]] = error_body
    constants: Mapping[str, Any] = field(default_factory=dict)

    def read(self, body: Any, path: Mapping[str, Any]) -> tuple[Directive, Wire, bool]:
        """Read a body and decide its answer.

        Args:
            body: what the client sent.
            path: the fields that stand in the path.

        Returns:
            The directive, the answer, and whether it is to be streamed.

        Raises:
            RequestError: the request or its directive is wrong.
        """
        if isinstance(body, dict):
            body = {**body, **path, **self.constants}
        request = self.request.read(body)
        directive, message = read_directive(request.said, request.directed_field)
        beyond = directive.model_fields_set - self.directed_by
        if beyond:
            complaint = f"The #sim directive is wrong: {self.path} has no {min(beyond)}"
            raise RequestError(complaint, param=request.directed_field)
        return directive, self.plan(request, directive, message), bool(getattr(request, "stream", False))
