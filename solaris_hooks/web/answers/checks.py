"""Whether the books are right, and there, as the API answers it."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from solaris_hooks.ledger.records import Flaw, Verification
from solaris_hooks.web.answers.answer import Answer


class FlawAnswer(Answer):
    """Something in the books that cannot be true."""

    account_id: str
    entry: int | None = Field(description="Number of the entry at fault; null where it is the account's figures.")
    message: str

    @classmethod
    def of(cls, flaw: Flaw) -> Self:
        """A flaw."""
        return cls.model_validate(flaw, from_attributes=True)


class VerificationAnswer(Answer):
    """Result of recomputing the books."""

    ok: bool
    accounts: int
    entries: int
    flaws: list[FlawAnswer]
    more_flaws: int = Field(description="How many were found beyond those listed.")

    @classmethod
    def of(cls, result: Verification) -> Self:
        """A result."""
        return cls(
            ok=result.ok,
            accounts=result.accounts,
            entries=result.entries,
            flaws=[FlawAnswer.of(flaw) for flaw in result.flaws],
            more_flaws=result.more_flaws,
        )


class HealthAnswer(Answer):
    """The books can be read."""

    status: str = Field(examples=["ok"])
