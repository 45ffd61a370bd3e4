"""What callers send: strict, and every unknown field is refused by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, ClassVar, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StrictInt, model_validator

from solaris_hooks.ledger.audit_trail import AuditFilter
from solaris_hooks.ledger.records import NOTHING, AccountChange, CreditOrigin, Nothing, Plan
from solaris_hooks.messages import LOCALES
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.checks import MAX_IN_FLIGHT, MAX_PATTERNS, MAX_TRIAL_DAYS
from solaris_hooks.quota.ids import account_id
from solaris_hooks.settings import ModelWeights, weight_table
from solaris_hooks.web.fields import Day, Email, Instant, ShortText, SomeText, SomeTokens, Text, Tokens

MAX_PAGE = 200
MAX_DAYS = 400


def _known_locale(locale: str) -> str:
    if locale not in LOCALES:
        raise ValueError(f"must be one of {', '.join(LOCALES)}")
    return locale


Locale = Annotated[
    str, Field(strict=True), AfterValidator(_known_locale), Field(json_schema_extra={"enum": list(LOCALES)})
]
AnchorDay = Annotated[StrictInt, Field(ge=1, le=31)]
AllowedModels = Annotated[list[ShortText], Field(max_length=MAX_PATTERNS)]
MaxInFlight = Annotated[StrictInt, Field(ge=1, le=MAX_IN_FLIGHT)]


class _Body(BaseModel):
    """What a caller sends: strict, without unknown fields, and without nulls that could mean two things."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    nullable: ClassVar[frozenset[str]] = frozenset({"expires_at", "account_id"})

    @model_validator(mode="after")
    def _no_nulls(self) -> Self:
        """Where nothing can be emptied, null would read as "empty it" to one caller and as "leave it" to another."""
        for name in self.model_fields_set - self.nullable:
            if getattr(self, name) is None:
                raise ValueError(f'"{name}" is null: leave it out to keep what is there')
        return self


class AccountBody(_Body):
    """Fields of an account to set. What is left out stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"plan": "default", "status": "suspended", "status_reason": "Invoice 12 is due"}]
        }
    )
    nullable: ClassVar[frozenset[str]] = frozenset({"status_reason", "email", "name"})

    plan: ShortText | None = Field(None, description="Id of the plan. Its allowance applies at once.")
    status: Literal["active", "suspended", "blocked", "pending"] | None = Field(
        None, description="Only active accounts may use tokens."
    )
    status_reason: Text | None = Field(
        None, description="Shown to the user with the refusal. Null empties it; so does the account becoming active."
    )
    email: Email | None = Field(None, description="Null empties it.")
    name: Text | None = Field(None, description="Null empties it.")
    locale: Locale | None = Field(None, description="Language of what the user reads.")
    time_zone: ShortText | None = Field(None, description="IANA name; the month begins at its midnight.")
    anchor_day: AnchorDay | None = Field(
        None, description="Day of the month on which the allowance renews. It never brings a renewal forward."
    )
    reason: SomeText | None = Field(
        None,
        description="Why, for the audit trail alone. An account that is taken out of use needs it, or a status_reason.",
    )

    @property
    def change(self) -> AccountChange:
        """The same for the ledger."""
        return AccountChange(
            plan_id=self.plan,
            status=None if self.status is None else Status(self.status),
            status_reason=self._text("status_reason"),
            email=self._text("email"),
            name=self._text("name"),
            locale=self.locale,
            time_zone=self.time_zone,
            anchor_day=self.anchor_day,
        )

    def _text(self, name: str) -> str | Nothing | None:
        """A text to set; what was sent as null or as "" is emptied."""
        return (getattr(self, name) or NOTHING) if name in self.model_fields_set else None


class CreditsBody(_Body):
    """Credits to grant."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"tokens": 500_000, "reason": "Bought on invoice 4711", "idempotency_key": "invoice-4711"}]
        }
    )

    tokens: SomeTokens = Field(description="Booked tokens to grant.")
    reason: SomeText = Field(description="Why; it stays in the ledger.")
    idempotency_key: ShortText = Field(description="The same key grants once for an account, however often it is sent.")
    expires_at: Instant | None = Field(None, description="When they end; credits without it do not expire.")
    origin: Literal["grant", "purchase", "bonus", "compensation"] = Field(
        "grant", description="Where they come from. Credits that a user asked for are granted by approving the request."
    )

    @property
    def credit_origin(self) -> CreditOrigin:
        """The same for the ledger."""
        return CreditOrigin(self.origin)


class PlanBody(_Body):
    """A plan."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"monthly_tokens": 1_000_000, "thresholds": [80, 95, 100]}]}
    )

    monthly_tokens: Tokens = Field(description="Allowance of every month, in booked tokens.")
    thresholds: list[Annotated[StrictInt, Field(ge=1, le=100)]] | None = Field(
        None,
        max_length=20,
        description="Percentages of use at which people are told, ascending. "
        "Left out: as they were, or 80, 95 and 100 for a new plan.",
    )
    allowed_models: AllowedModels | None = Field(None, description="Patterns of models' names; null: all.")
    max_in_flight: MaxInFlight | None = Field(None, description="Requests at once; null: any number.")
    overdraft: Tokens | None = Field(None, description="Tokens that may be used beyond what was granted.")
    time_zone: ShortText | None = Field(None, description="Of new accounts of the plan; null: the settings'.")
    anchor_day: AnchorDay | None = Field(None, description="Of new accounts of the plan; null: the settings'.")
    weights: dict[ShortText, ModelWeights] | None = Field(
        None, max_length=MAX_PATTERNS, description="By pattern of model, the first match wins; null: the settings'."
    )
    notices: StrictBool | None = Field(None, description="Whether the chat tells thresholds, credits and renewals.")
    trial_days: Annotated[StrictInt, Field(ge=1, le=MAX_TRIAL_DAYS)] | None = Field(
        None, description="Days after which an account leaves the plan; null: never."
    )
    trial_then: ShortText | None = Field(
        None, description="The plan that follows a trial; null: the account is suspended."
    )
    reason: Text | None = Field(None, description="Why; it stays in the audit trail.")

    nullable: ClassVar[frozenset[str]] = frozenset(
        {"allowed_models", "max_in_flight", "time_zone", "anchor_day", "weights", "trial_days", "trial_then"}
    )

    def over(self, plan_id: str, known: Plan | None) -> Plan:
        """The plan with what the body says; what it leaves out stays as it was.

        Args:
            plan_id: which plan.
            known: as it is; None for a new one.
        """
        plain = {
            name: getattr(self, name)
            for name in self.model_fields_set - {"reason", "thresholds", "allowed_models", "weights"}
        }
        sent = self.model_fields_set
        if "thresholds" in sent:
            plain["thresholds"] = tuple(self.thresholds or ())
        if "allowed_models" in sent:
            plain["allowed_models"] = None if self.allowed_models is None else tuple(self.allowed_models)
        if "weights" in sent:
            plain["weights"] = None if self.weights is None else weight_table(self.weights)
        return replace(known or Plan(plan_id, self.monthly_tokens), **plain)


class VerifyBody(_Body):
    """What to verify."""

    account_id: ShortText | None = Field(None, max_length=300, description="One account; left out: all.")


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EntriesQuery(_Query):
    """Which entries to list."""

    limit: int = Field(50, ge=1, le=MAX_PAGE, description="Entries of a page.")
    before: int | None = Field(None, ge=1, le=2**63 - 1, description="Only entries with a lower number.")


class AuditQuery(_Query):
    """Which changes to list."""

    account: Annotated[str, Field(max_length=300)] | None = Field(None, description="Only of this account.")
    action: Annotated[str, Field(max_length=100)] | None = Field(
        None, description="Only of this kind, such as account.change or credits.grant."
    )
    actor: Annotated[str, Field(max_length=300)] | None = Field(None, description="Only by this person.")
    since: Instant | None = Field(None, description="None that were earlier.")
    batch: UUID | None = Field(None, description="Only of this batch.")
    limit: int = Field(50, ge=1, le=MAX_PAGE, description="Changes of a page.")
    before: int | None = Field(None, ge=1, le=2**63 - 1, description="Only changes with a lower number.")

    @property
    def wanted(self) -> AuditFilter:
        """The same for the ledger.

        Raises:
            InvalidRequestError: the account's id is none.
        """
        return AuditFilter(
            account_id=None if self.account is None else account_id(self.account),
            action=self.action,
            actor=self.actor,
            since=self.since,
            before=self.before,
            batch_id=self.batch,
        )


class UsageQuery(_Query):
    """Which days to total."""

    since: Day | None = Field(None, description="First local day. Default: the first day of this period.")
    until: Day | None = Field(None, description="Last local day. Default: today.")
