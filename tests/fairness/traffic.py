"""Chats as people have them: how long prompts and answers are, and who asks when."""

from __future__ import annotations

import random
from dataclasses import dataclass

TOKENS_A_SECOND = 60
"""A usual speed of generation."""

MODEL_LIMIT = 16_384
"""Output tokens that the model can generate, as those of 2025 and later can at the least."""


FORMAT_TOKENS = 26
"""What the chat's format adds to a prompt of one message: the simulated provider counts as the plugin does."""


@dataclass(frozen=True, slots=True)
class Chat:
    """One request as it would turn out if nobody stopped it.

    Attributes:
        prompt: tokens of its prompt.
        answer: tokens of its answer.
        stream: as chat turns are; titles and tools ask for answers in one piece.
        pause: seconds until the person asks again.
    """

    prompt: int
    answer: int
    stream: bool
    pause: float

    @property
    def tokens(self) -> int:
        """All that it uses."""
        return self.prompt + self.answer


def chats(seed: str) -> random.Random:
    """A source of chats that is always the same for a seed."""
    return random.Random(seed)


def next_chat(source: random.Random) -> Chat:
    """Log-normal lengths: answers with a median of 200 tokens and a mean of 330, prompts of 400 and 730.

    Public collections of chats (LMSYS-Chat-1M, ShareGPT) have mean answers of 210 to 340 tokens; prompts
    here carry a history. One request in seven asks for an answer in one piece, which is short.
    """
    stream = source.random() > 1 / 7
    answer = source.lognormvariate(5.3, 1.0) if stream else source.lognormvariate(3.4, 0.8)
    return Chat(
        prompt=FORMAT_TOKENS + 1 + int(source.lognormvariate(6.0, 1.1)),
        answer=max(1, min(int(answer), MODEL_LIMIT)),
        stream=stream,
        pause=source.expovariate(1 / 2.0),
    )
