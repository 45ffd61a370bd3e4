"""What callers read of verifications: as they are found at once, or by a process that may still run."""

from __future__ import annotations

from typing import Self
from uuid import UUID

from pydantic import Field

from solaris_hooks.ledger.records import Verification
from solaris_hooks.ledger.verifications import VerificationRun, VerificationState
from solaris_hooks.web.answers import Answer, FlawAnswer


class VerificationRunAnswer(Answer):
    """Result of recomputing the books."""

    ok: bool | None = Field(description="Whether there is no flaw; null where it has not come to an end.")
    accounts: int
    entries: int
    flaws: list[FlawAnswer]
    more_flaws: int = Field(description="How many were found beyond those listed.")
    id: UUID | None = Field(None, description="Of the verification, to read it again; null where none is kept.")
    state: VerificationState = Field(description="`running`, `good`, `flawed`, `failed`, or `lost`: its process died.")
    error: str | None = Field(None, description="Why it has not come to an end.")

    @classmethod
    def of(cls, result: Verification) -> Self:
        """A result that was found at once."""
        return cls(
            ok=result.ok,
            accounts=result.accounts,
            entries=result.entries,
            flaws=[FlawAnswer.of(flaw) for flaw in result.flaws],
            more_flaws=result.more_flaws,
            state=VerificationState.GOOD if result.ok else VerificationState.FLAWED,
        )

    @classmethod
    def of_run(cls, run: VerificationRun) -> Self:
        """A verification as far as it is."""
        return cls(
            ok=None if run.flaws is None else run.flaws == 0,
            accounts=run.accounts,
            entries=run.entries,
            flaws=[FlawAnswer.of(flaw) for flaw in run.found],
            more_flaws=(run.flaws or 0) - len(run.found),
            id=run.verification_id,
            state=run.state,
            error=run.error,
        )
