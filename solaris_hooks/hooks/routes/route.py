"""What the hooks need to know of a kind of call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from solaris_hooks.hooks.request_body import Body
from solaris_hooks.quota.prompt import Prompt
from solaris_hooks.quota.sizing import OutputRequest
from solaris_hooks.quota.units import UnitUse
from solaris_hooks.quota.usage import DoubtfulUsage, Usage

Report = Usage | DoubtfulUsage | UnitUse
"""What a provider says that a call used: tokens, perhaps counted by LiteLLM, or units that have a price."""

NO_OUTPUT = OutputRequest(cap=0, choices=1, cap_fields=())
"""A call that generates no tokens."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a request asks for, as its route reads it.

    Attributes:
        prompt: what the model will read.
        output: what it may write at the most.
        units: what it uses where tokens are not what is paid for, or may not be; None where tokens are.
    """

    prompt: Prompt
    output: OutputRequest
    units: UnitUse | None = None


class StreamReader(Protocol):
    """Reads one streamed answer on its way to the client."""

    def see(self, chunk: object) -> None:
        """Keep what a chunk says; called once for each, in order, before it is passed on."""
        ...

    def added(self, chunk: object) -> str:
        """The text that a chunk adds to the answer: what the provider bills as output, as far as it shows."""
        ...

    def usage(self, origin: object) -> Report | None:
        """What the provider reported, or None where it reported nothing that can be believed.

        Args:
            origin: what LiteLLM keeps of the provider's own chunks, to tell their figures from its own.
        """
        ...

    def text(self) -> str:
        """Everything that was answered, for an estimate."""
        ...

    def last(self) -> object | None:
        """The last chunk seen, in which LiteLLM says who answered."""
        ...

    def ending(self) -> Sequence[object]:
        """Chunks that end the stream now, as a provider ends it at the limit of its output."""
        ...


class Route(Protocol):
    """How one kind of call is metered."""

    @property
    def call_types(self) -> frozenset[str]:
        """LiteLLM's names of the calls."""
        ...

    def read(self, body: Body, *, media_tokens: int) -> Demand:
        """What a request asks for; and see to it that the provider will report what it uses.

        Args:
            body: the request's JSON.
            media_tokens: estimate for each image in a prompt.

        Raises:
            InvalidRequestError: it cannot be metered as it stands.
        """
        ...

    def write_cap(self, body: Body, demand: Demand, tokens: int) -> None:
        """Bound each answer to a number of output tokens."""
        ...

    def reader(self) -> StreamReader:
        """A reader for one streamed answer."""
        ...

    def usage_of(self, answer: object) -> Report | None:
        """What the provider reported in an answer that came whole; None where that cannot be believed."""
        ...

    def text_of(self, answer: object) -> str:
        """All text of an answer that came whole, for an estimate."""
        ...
