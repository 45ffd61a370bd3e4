"""What is answered to merges, erasures and batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self
from uuid import UUID

from pydantic import Field

from solaris_hooks.ledger.batches import Batch, BatchItem, Preview
from solaris_hooks.ledger.erasure import Erased
from solaris_hooks.ledger.merges import Moved
from solaris_hooks.web.answers import Answer
from solaris_hooks.web.fields import Instant


class MergeAnswer(Answer):
    """What a merge moved, or would move."""

    source: str
    target: str
    dry_run: bool
    credits: int = Field(description="Unused credits, lot by lot; each keeps its origin and its expiry.")
    overage: int = Field(description="What the source owes; the target pays as far as it can, and owes the rest.")
    used: int = Field(description="Use of this period that the target is charged with.")
    lapsed: int = Field(description="Allowance of the source that lapses.")
    held: int = Field(description="What requests in flight of the source hold; they end there.")
    kept_credits: int = Field(description="Credits that stay for them; the rest moves some minutes after they ended.")
    requests: int = Field(description="Requests for credits that wait, now at the target.")

    @classmethod
    def of(cls, source: str, target: str, moved: Moved, *, dry_run: bool) -> Self:
        """A merge, done or tried."""
        figures = {name: getattr(moved, name) for name in cls.model_fields.keys() - {"source", "target", "dry_run"}}
        return cls(source=source, target=target, dry_run=dry_run, **figures)


class ErasedAnswer(Answer):
    """What was erased, in numbers, and what could not be."""

    entry_texts: int = Field(description="Reasons of entries.")
    events: int = Field(description="Messages and other events whose texts went.")
    deliveries: int = Field(description="Mails whose address went.")
    audit_rows: int = Field(description="Rows of the audit trail whose texts went.")
    clear_reasons: int = Field(
        description="Reasons that are part of the chain, from before they stood beside it; they stay."
    )
    id_names_person: bool = Field(
        description="The account's id is an e-mail address; it is part of the chain, and stays."
    )

    @classmethod
    def of(cls, erased: Erased) -> Self:
        """An erasure."""
        return cls.model_validate(erased, from_attributes=True)


class CalledAsAnswer(Answer):
    """How an account's user is called, where that is known."""

    name: str | None
    email: str | None


class PreviewAnswer(Answer):
    """What a batch would do."""

    accounts: int = Field(description="How many are selected.")
    changing: int = Field(description="How many of them it would change, as far as that can be told before.")
    missing: list[str] = Field(description="Ids that were named, and there is no account of.")
    tokens: int = Field(description="Credits that it would grant in all.")
    first: list[str] = Field(description="The first hundred that it would change, in order of id.")
    unchanged: list[str] = Field(description="The first hundred that it would leave as they are, in order of id.")
    names: dict[str, CalledAsAnswer] = Field(description="How the users of these are called, by account id.")

    @classmethod
    def of(cls, preview: Preview) -> Self:
        """What would be done."""
        return cls.model_validate(preview, from_attributes=True)


class BatchAnswer(Answer):
    """A batch, and how far it has come."""

    id: UUID
    number: int
    idempotency_key: str
    action: dict[str, Any]
    reason: str
    actor: str
    at: Instant
    complete: bool = Field(description="False: send it again, and what is left is done.")
    outcomes: dict[str, int] = Field(
        description="Accounts by outcome: done, unchanged, limited, unreachable, failed, waiting."
    )

    @classmethod
    def of(cls, batch: Batch) -> Self:
        """A batch."""
        return cls(
            id=batch.batch_id,
            number=batch.number,
            idempotency_key=batch.key,
            action=dict(batch.action),
            reason=batch.reason,
            actor=batch.actor,
            at=batch.at,
            complete=batch.complete,
            outcomes=dict(batch.outcomes),
        )


class BatchesAnswer(Answer):
    """A page of batches, newest first."""

    data: list[BatchAnswer]
    next_before: int | None = Field(description="Send it as `before` for the next page; null on the last one.")

    @classmethod
    def of(cls, batches: Sequence[Batch], limit: int) -> Self:
        """A page, from up to ``limit + 1`` batches."""
        page = batches[:limit]
        return cls(
            data=[BatchAnswer.of(each) for each in page],
            next_before=page[-1].number if len(batches) > limit else None,
        )


class BatchItemAnswer(Answer):
    """What a batch did to one account."""

    account_id: str
    outcome: str = Field(description="`waiting` where nothing was done yet.")
    message: str | None = Field(description="Why it failed.")
    at: Instant | None

    @classmethod
    def of(cls, item: BatchItem) -> Self:
        """An account."""
        return cls(account_id=item.account_id, outcome=item.outcome or "waiting", message=item.message, at=item.at)


class BatchItemsAnswer(Answer):
    """A page of accounts of a batch, in order of id."""

    data: list[BatchItemAnswer]
    next_after: str | None = Field(description="Send it as `after` for the next page; null on the last one.")

    @classmethod
    def of(cls, items: Sequence[BatchItem], limit: int) -> Self:
        """A page, from up to ``limit + 1`` accounts."""
        page = items[:limit]
        return cls(
            data=[BatchItemAnswer.of(each) for each in page],
            next_after=page[-1].account_id if len(items) > limit else None,
        )
