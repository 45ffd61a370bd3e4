"""What callers send to merge accounts, forget people, act on many accounts, and undo changes."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, StrictBool

from solaris_hooks.ledger.batches import MOST_NAMED, Action, ActionKind, Order, Selection
from solaris_hooks.ledger.erasure import Erasure
from solaris_hooks.ledger.merges import Merge
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.ids import AccountId, MemberId, account_id
from solaris_hooks.web.bodies import MAX_PAGE, _Body, _Query
from solaris_hooks.web.fields import Instant, MessageText, ShortText, SomeText, SomeTokens, Text

AnId = Annotated[str, Field(strict=True, min_length=1, max_length=300)]


class MergeBody(_Body):
    """Into which account this one goes."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"into": "user:maria", "reason": "One person", "idempotency_key": "ticket-12", "dry_run": True}
            ]
        }
    )

    into: AnId = Field(description="Id of the account that pays for both afterwards.")
    move_use: StrictBool = Field(
        default=False, description="Whether what this one used of its allowance in this period counts there, too."
    )
    dry_run: StrictBool = Field(description="True tells what would happen, and changes nothing.")
    reason: SomeText = Field(description="Why; it stays in both ledgers.")
    idempotency_key: ShortText = Field(description="The same key merges once, however often it is sent.")

    def merge(self, source: AccountId, actor: str) -> Merge:
        """The same for the ledger.

        Raises:
            InvalidRequestError: there can be no such account.
        """
        return Merge(source, account_id(self.into), self.reason, actor, self.idempotency_key, move_use=self.move_use)


class ErasureBody(_Body):
    """Whom to forget, once more, and why."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"confirm": "user:maria", "reason": "Request 12 of the data subject"}]}
    )

    confirm: AnId = Field(description="The account's id once more, of a member his: this cannot be undone.")
    reason: SomeText = Field(description="Why; it stays in the audit trail, so write nothing of the person.")

    def erasure(self, account: AccountId, actor: str, member: MemberId | None = None) -> Erasure:
        """The same for the ledger, of an account or of one member of a team's."""
        return Erasure(account, self.confirm, self.reason, actor, member)


class UndoBody(_Body):
    """Why a change is undone."""

    reason: SomeText = Field(description="It stays in the audit trail.")


class _Kind(_Body):
    """What is done to each account."""

    nullable: ClassVar[frozenset[str]] = frozenset()


class PlanAction(_Kind):
    """Another plan, at once."""

    kind: Literal["plan"]
    plan: ShortText = Field(description="Id of the plan.")


class CreditsAction(_Kind):
    """Credits for each."""

    kind: Literal["credits"]
    tokens: SomeTokens = Field(description="What each account gets.")
    expires_at: Instant | None = Field(None, description="When they end; left out: never.")


class MessageAction(_Kind):
    """A message to each."""

    kind: Literal["message"]
    text: MessageText
    chat: StrictBool = True
    mail: StrictBool = False


class ResetAction(_Kind):
    """Use of this period set back to zero."""

    kind: Literal["reset"]


class SuspendAction(_Kind):
    """Active accounts taken out of use."""

    kind: Literal["suspend"]
    status_reason: Text | None = Field(None, description="What the users read.")


class ReactivateAction(_Kind):
    """Suspended accounts put into use again."""

    kind: Literal["reactivate"]


AnAction = Annotated[
    PlanAction | CreditsAction | MessageAction | ResetAction | SuspendAction | ReactivateAction,
    Field(discriminator="kind"),
]


class FilterBody(_Body):
    """Accounts that are found when the batch begins; all of them where nothing is said."""

    nullable: ClassVar[frozenset[str]] = frozenset()

    plan: ShortText | None = Field(None, description="Only those on this plan.")
    status: Literal["active", "suspended", "blocked", "pending"] | None = Field(None, description="Only those.")
    query: Annotated[str, Field(max_length=300)] = Field("", description="Part of an id, e-mail or name, in any case.")


class BatchBody(_Body):
    """The same for many accounts: those named, or those that a filter finds."""

    nullable: ClassVar[frozenset[str]] = frozenset()
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "idempotency_key": "outage-17-november",
                    "action": {"kind": "credits", "tokens": 50_000},
                    "filter": {"plan": "team", "status": "active"},
                    "reason": "Our failure of 17 November",
                }
            ]
        }
    )

    idempotency_key: ShortText = Field(description="The same key is the same batch: sent again, it does what is left.")
    action: AnAction
    accounts: Annotated[list[AnId], Field(min_length=1, max_length=MOST_NAMED)] | None = Field(
        None, description=f"Their ids, at most {MOST_NAMED:,}."
    )
    filter: FilterBody | None = Field(None, description="Or which accounts it finds.")
    reason: SomeText = Field(description="Why; it stays in the audit trail, and in the ledger with credits and resets.")

    def order(self, actor: str) -> Order:
        """The same for the ledger.

        Raises:
            InvalidRequestError: accounts are selected in no way or in both, or an id can be none.
        """
        if (self.accounts is None) == (self.filter is None):
            raise InvalidRequestError('Say either "accounts" or "filter".', param="accounts")
        fields = {name: getattr(self.action, name) for name in type(self.action).model_fields if name != "kind"}
        if self.filter is None:
            selection = Selection([account_id(each) for each in self.accounts or ()])
        else:
            status = None if self.filter.status is None else Status(self.filter.status)
            selection = Selection(None, self.filter.plan, status, self.filter.query)
        return Order(
            self.idempotency_key, Action(ActionKind(self.action.kind), **fields), selection, self.reason, actor
        )


class BatchesQuery(_Query):
    """Which batches to list."""

    limit: int = Field(50, ge=1, le=MAX_PAGE, description="Batches of a page.")
    before: int | None = Field(None, ge=1, le=2**63 - 1, description="Only batches with a lower number.")


class BatchItemsQuery(_Query):
    """Which accounts of a batch to list."""

    outcome: Literal["done", "unchanged", "limited", "unreachable", "failed", "waiting"] | None = Field(
        None, description="Only those."
    )
    limit: int = Field(50, ge=1, le=MAX_PAGE, description="Accounts of a page.")
    after: Annotated[str, Field(max_length=300)] | None = Field(None, description="`next_after` of the page before.")
