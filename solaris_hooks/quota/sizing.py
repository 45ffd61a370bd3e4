"""How much a request may use, what to hold for it, and the cap when the balance is tight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR

from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.weights import Weights

MAX_CHOICES = 128
"""OpenAI's own limit of ``n``."""

MAX_CAP = 100_000_000
"""Far beyond any model; a larger number is a slip, and would not fit the books when multiplied."""

STEP_TOKENS = 128
"""Output by which a stream's hold grows where the balance is small: some two seconds of an answer."""

_CAP_FIELDS = ("max_completion_tokens", "max_tokens")


@dataclass(frozen=True, slots=True)
class OutputRequest:
    """What a request says of its output.

    Attributes:
        cap: tokens for each choice, or None where the request names no limit.
        choices: how many answers it asks for.
        cap_fields: the names under which it gave the cap.
        least: the smallest cap that providers take; a smaller one is raised to it on its way.
    """

    cap: int | None
    choices: int
    cap_fields: tuple[str, ...]
    least: int = 1


def read_output_request(body: Mapping[str, object], cap_fields: Sequence[str] = _CAP_FIELDS) -> OutputRequest:
    """Read the caps of a request (of a chat: ``max_completion_tokens`` and ``max_tokens``), and ``n``.

    Where both caps are given, the larger counts, since providers differ in which they obey.

    Raises:
        InvalidRequestError: a value is none that a provider can obey (``max_tokens: -1``, ``n: 0``, text).
    """
    caps = {name: positive(body, name) for name in cap_fields if body.get(name) is not None}
    choices = positive(body, "n") if body.get("n") is not None else 1
    if choices > MAX_CHOICES:
        raise InvalidRequestError(f"n must be at most {MAX_CHOICES}.", param="n")
    for name, cap in caps.items():
        if cap > MAX_CAP:
            raise InvalidRequestError(f"{name} must be at most {MAX_CAP}; leave it out for the default.", param=name)
    return OutputRequest(max(caps.values()) if caps else None, choices, tuple(caps))


def positive(body: Mapping[str, object], name: str) -> int:
    """A whole number of at least 1 in a request.

    Raises:
        InvalidRequestError: there is something else.
    """
    value = body[name]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidRequestError(
            f"{name} must be a whole number of at least 1; leave it out for the default.", param=name
        )
    return value


@dataclass(frozen=True, slots=True)
class Sizing:
    """What a request needs, in the provider's tokens.

    Attributes:
        prompt_tokens: estimate of its prompt, not below what the provider will count.
        output_tokens: the most each choice can have, by the request or by the model.
        choices: number of answers.
        weights: of the model asked for.
        usual_tokens: what nearly all such answers stay within; None where nobody knows yet.
        least_tokens: the smallest cap that a provider takes.
        price: booked tokens of what is paid by the unit, beside the tokens.
    """

    prompt_tokens: int
    output_tokens: int
    choices: int
    weights: Weights
    usual_tokens: int | None = None
    least_tokens: int = 1
    price: int = 0

    @property
    def prompt_charge(self) -> int:
        """Booked tokens of the prompt alone, none of it cached."""
        return self.charge_of(0)

    @property
    def want(self) -> int:
        """Booked tokens of the longest answers to the request as it stands."""
        return self.charge_of(self.output_tokens * self.choices)

    @property
    def fair(self) -> int:
        """Booked tokens of answers as long as nearly all are: what to hold where others need tokens too."""
        usual = self.output_tokens if self.usual_tokens is None else min(self.usual_tokens, self.output_tokens)
        usual = max(usual, min(self.least_tokens, self.output_tokens))
        return self.charge_of(usual * self.choices)

    @property
    def step(self) -> int:
        """Booked tokens of the first step of answers whose hold grows while they run."""
        return min(self.fair, self.charge_of(STEP_TOKENS * self.choices))

    @property
    def minimum(self) -> int:
        """Booked tokens of the prompt and the shortest answers: with less nothing can be done."""
        return self.charge_of(min(self.least_tokens, self.output_tokens) * self.choices)

    def cap_within(self, held: int) -> int:
        """The most tokens each choice may have so that the whole costs no more than what is held."""
        if self.weights.output == 0:
            return self.output_tokens
        return max(0, min(self.output_within(held) // self.choices, self.output_tokens))

    def output_within(self, held: int) -> int:
        """The most tokens of all choices together that cost, with the prompt, no more than what is held.

        It is below 0 where not even the prompt is covered, and without end where output weighs nothing.
        """
        weights = self.weights
        if weights.output == 0:
            return MAX_CAP
        left = held - self.price - self.prompt_tokens * max(weights.input, weights.cached_input)
        return int((left / weights.output).to_integral_value(rounding=ROUND_FLOOR))

    def charge_of(self, output_tokens: int) -> int:
        """Booked tokens of the prompt, the price, and this many tokens of output, all choices together."""
        return self.price + self.weights.most(input_tokens=self.prompt_tokens, output_tokens=output_tokens)
