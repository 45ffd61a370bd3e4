"""What a provider reports that it used, checked before it is booked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MAX_REPORTED_TOKENS = 100_000_000
"""No single call of any model sold today comes near; a larger report is a defect of the provider."""


class UsageSource(StrEnum):
    """Where the figures of a settlement come from."""

    PROVIDER = "provider"
    """Reported by the provider: exact."""
    ESTIMATE = "estimate"
    """Counted by us, since the provider reported nothing that can be believed."""
    PRICE = "price"
    """Units whose price and number are known: exact."""
    SPEND_LOG = "spend_log"
    """Found by the sweeper in LiteLLM's own spend logs: what the provider reported."""
    SWEEP = "sweep"
    """Booked by the sweeper's policy, since nobody knows."""

    @property
    def estimated(self) -> bool:
        """Whether the figures are ours rather than the provider's."""
        return self in {UsageSource.ESTIMATE, UsageSource.SWEEP}


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call, before weights.

    Attributes:
        input_tokens: the whole prompt, cached part included.
        output_tokens: everything generated, reasoning included.
        cached_input_tokens: the part of ``input_tokens`` that the provider read from its cache.
        reasoning_tokens: the part of ``output_tokens`` that was reasoning; for the record only.
    """

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True)
class DoubtfulUsage:
    """Figures of which nobody can tell whether a provider reported them: booked, but marked as estimated."""

    usage: Usage


def _tokens(value: object) -> int | None:
    """A plausible count of tokens, or None. ``True`` is an int to Python but no count."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= MAX_REPORTED_TOKENS else None


def reported_usage(
    *,
    prompt_tokens: object,
    completion_tokens: object,
    cached_tokens: object = None,
    reasoning_tokens: object = None,
) -> Usage | None:
    """Turn a provider's report into usage, if it can be believed.

    A negative, NaN, absurd (over ``MAX_REPORTED_TOKENS``) or non-numeric count makes the whole
    report worthless: None is returned, and the caller books its own estimate, marked as such.
    A report of nothing at all (both counts 0) is not believable either: a prompt has tokens.
    The parts (cached, reasoning) are bounded by their wholes; unbelievable ones count as 0,
    which never bills a caller for less than the provider reported.
    """
    prompt, completion = _tokens(prompt_tokens), _tokens(completion_tokens)
    if prompt is None or completion is None or prompt + completion == 0:
        return None
    return Usage(
        input_tokens=prompt,
        output_tokens=completion,
        cached_input_tokens=min(_tokens(cached_tokens) or 0, prompt),
        reasoning_tokens=min(_tokens(reasoning_tokens) or 0, completion),
    )
