"""What nobody in the simulation is told: what every request will use in the end, and so who could have been served."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.fairness.traffic import Chat


@dataclass
class Tally:
    """What happened to requests.

    Attributes:
        requests: all of them.
        served: answered to the end.
        refused_wrongly: refused, though the balance would have sufficed for all who were being served, and for this.
        cut_wrongly: begun, but ended early, though the balance would have sufficed.
        refused_rightly: there was not enough.
        cut_rightly: there was not enough to end it.
        overshoot: tokens used beyond what was granted.
    """

    requests: int = 0
    served: int = 0
    refused_wrongly: int = 0
    cut_wrongly: int = 0
    refused_rightly: int = 0
    cut_rightly: int = 0
    overshoot: int = 0

    @property
    def wrong(self) -> int:
        """Requests that should have been served and were not, or not to their end."""
        return self.refused_wrongly + self.cut_wrongly

    @property
    def wrong_per_mille(self) -> float:
        """Wrong refusals and cuts in 1,000 requests that the balance would have covered."""
        return 1000 * self.wrong / max(1, self.served + self.wrong)


@dataclass
class Truth:
    """One account's tokens, with hindsight.

    Attributes:
        granted: what it may use in all.
        used: what ended requests used.
        running: requests that were admitted and have not ended.
    """

    granted: int
    used: int = 0
    running: list[Chat] = field(default_factory=list)

    def suffices(self, chat: Chat) -> bool:
        """Whether there is enough for a request beside all others that run, to their very ends."""
        others = sum(each.tokens for each in self.running if each is not chat)
        return self.used + others + chat.tokens <= self.granted
