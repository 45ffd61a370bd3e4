"""What callers send about the terms of one account."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, StrictBool, StrictInt, model_validator
from pydantic import Field as Sent

from solaris_hooks.ledger.account_terms import OverrideChange, PlanChange
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.quota.terms import Field
from solaris_hooks.web.bodies import AllowedModels, MaxInFlight, _Body
from solaris_hooks.web.fields import Instant, ShortText, SomeText, Text, Tokens


class PlanChangeBody(_Body):
    """Another plan for an account."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"plan": "team", "when": "renewal", "reason": "Joined the team"}]}
    )

    plan: ShortText = Sent(description="Id of the plan.")
    when: Literal["now", "renewal"] = Sent("now", description="Now, or when this period ends.")
    pro_rata: StrictBool = Sent(
        default=False,
        description="Of a change now: the allowance of this period is the old plan's by time elapsed and the new "
        "plan's by time left. Otherwise it is the new plan's.",
    )
    reason: SomeText = Sent(description="Why; it stays in the audit trail.")

    @model_validator(mode="after")
    def _shares_now_alone(self) -> Self:
        if self.pro_rata and self.when == "renewal":
            raise ValueError("pro_rata is for a change now: at the renewal there is nothing to share")
        return self

    def change(self, account_id: AccountId, actor: str) -> PlanChange:
        """The same for the ledger."""
        return PlanChange(
            account_id,
            self.plan,
            actor,
            at_renewal=self.when == "renewal",
            pro_rata=self.pro_rata,
            reason=self.reason,
        )


class OverridesBody(_Body):
    """Terms of an account's own. What is left out stays as it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"monthly_tokens": 3_000_000, "until": "2027-01-31T23:59:59Z", "reason": "Thesis"}]
        }
    )
    nullable: ClassVar[frozenset[str]] = frozenset({"max_in_flight", "allowed_models", "until"})

    monthly_tokens: Tokens | None = Sent(None, description="Allowance of every month.")
    overdraft: Tokens | None = Sent(None, description="Tokens that may be used beyond what was granted.")
    max_in_flight: MaxInFlight | None = Sent(None, description="Requests at once; null: any number.")
    allowed_models: AllowedModels | None = Sent(None, description="Patterns of models' names; null: all.")
    thresholds: list[Annotated[StrictInt, Sent(ge=1, le=100)]] | None = Sent(
        None, max_length=20, description="Percentages of use at which the user is told, ascending."
    )
    notices: StrictBool | None = Sent(None, description="Whether the chat tells thresholds, credits and renewals.")
    until: Instant | None = Sent(None, description="First moment at which the plan's hold again; null: for good.")
    reason: SomeText = Sent(description="Why; it stays in the audit trail.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set & set(Field):
            raise ValueError(f"send one of {', '.join(Field)}")
        return self

    def change(self, account_id: AccountId, actor: str) -> OverrideChange:
        """The same for the ledger."""
        sent = [name for name in Field if name in self.model_fields_set]
        values = {name: getattr(self, name) for name in sent}
        return OverrideChange(
            account_id,
            actor,
            self.reason,
            values={name: tuple(value) if isinstance(value, list) else value for name, value in values.items()},
            until=self.until,
        )


class WhyQuery(BaseModel):
    """Why something is taken away."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: Text | None = Sent(None, description="Why; it stays in the audit trail.")
