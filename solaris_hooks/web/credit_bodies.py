"""What callers send about lots of and requests for credits."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StrictBool, StrictInt

from solaris_hooks.ledger.compensation import MOST_PERCENT, Campaign
from solaris_hooks.ledger.credit_requests import RequestState
from solaris_hooks.quota.ids import AccountId, account_id
from solaris_hooks.web.bodies import MAX_PAGE, _Body, _Query
from solaris_hooks.web.fields import Instant, ShortText, SomeText, SomeTokens


class RevocationBody(_Body):
    """Credits to take back."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "Granted by mistake", "idempotency_key": "ticket-12"}]}
    )

    reason: SomeText = Field(description="Why; it stays in the ledger.")
    idempotency_key: ShortText = Field(description="The same key takes back once, however often it is sent.")


class LotsQuery(_Query):
    """Which lots to list."""

    limit: int = Field(50, ge=1, le=MAX_PAGE, description="Lots of a page.")
    before: UUID | None = Field(None, description="`next_before` of the page before.")


class RequestBody(_Body):
    """Credits to ask for: a number of tokens, or a package."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"tokens": 200_000, "reason": "Relatório anual"}]})

    tokens: SomeTokens | None = Field(None, description="Booked tokens; left out for those of the package.")
    package: ShortText | None = Field(None, description="Name of a package; see GET /solaris/api/v1/me/packages.")
    reason: SomeText = Field(description="Why; an administrator reads it.")


class ApprovalBody(_Body):
    """What to grant."""

    nullable: ClassVar[frozenset[str]] = frozenset()
    model_config = ConfigDict(json_schema_extra={"examples": [{"tokens": 100_000, "reason": "Metade, por enquanto"}]})

    tokens: SomeTokens | None = Field(None, description="Left out: what was asked for.")
    reason: SomeText | None = Field(None, description="The user reads it.")
    expires_at: Instant | None = Field(None, description="When the credits end; left out: never.")


class RejectionBody(_Body):
    """Why not."""

    reason: SomeText = Field(description="The user reads it.")


class RequestsQuery(_Query):
    """Which requests to list."""

    account: Annotated[str, Field(max_length=300)] | None = Field(None, description="Only of this account.")
    state: Literal["requested", "approved", "rejected", "cancelled"] | None = Field(
        None, description="Only in this state; `requested` ones wait for a decision."
    )
    limit: int = Field(50, ge=1, le=MAX_PAGE, description="Requests of a page.")
    before: int | None = Field(None, ge=1, le=2**63 - 1, description="Only requests with a lower number.")

    @property
    def wanted_account(self) -> AccountId | None:
        """The account's id.

        Raises:
            InvalidRequestError: it is none.
        """
        return None if self.account is None else account_id(self.account)

    @property
    def wanted_state(self) -> RequestState | None:
        """The same for the ledger."""
        return None if self.state is None else RequestState(self.state)


class OwnRequestsQuery(_Query):
    """Which requests of one's own to list."""

    limit: int = Field(50, ge=1, le=MAX_PAGE, description="Requests of a page.")
    before: int | None = Field(None, ge=1, le=2**63 - 1, description="Only requests with a lower number.")


class CompensationBody(_Body):
    """Credits for all accounts that had requests within some time."""

    nullable: ClassVar[frozenset[str]] = frozenset()
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "campaign": "outage-2027-01-31",
                    "since": "2027-01-31T12:00:00Z",
                    "until": "2027-01-31T14:30:00Z",
                    "tokens": 50_000,
                    "reason": "Falha do provedor em 31/01",
                    "dry_run": True,
                }
            ]
        }
    )

    campaign: Annotated[str, Field(strict=True, pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")] = Field(
        description="Its name: the same one grants each account once, however often it is sent."
    )
    since: Instant = Field(description="First instant of the time within which requests began.")
    until: Instant = Field(description="First instant after it.")
    affected: Literal["failed", "any"] = Field(
        "failed",
        description="Accounts of which a request failed (it used nothing, or nobody knows what), or that had any. "
        "Requests that were refused were never held, and are not among them.",
    )
    tokens: SomeTokens | None = Field(None, description="What each account gets.")
    percent_of_use: Annotated[StrictInt, Field(ge=1, le=MOST_PERCENT)] | None = Field(
        None, description="Or whole percent of what its requests within that time were charged, rounded up."
    )
    reason: SomeText = Field(description="The users read it; it stays in the ledger.")
    expires_at: Instant | None = Field(None, description="When the credits end; left out: never.")
    dry_run: StrictBool = Field(description="True lists who would get what, and grants nothing.")

    @property
    def whole(self) -> Campaign:
        """The same for the ledger."""
        return Campaign(
            name=self.campaign,
            since=self.since,
            until=self.until,
            reason=self.reason,
            failed_only=self.affected == "failed",
            tokens=self.tokens,
            percent_of_use=self.percent_of_use,
            expires_at=self.expires_at,
        )
