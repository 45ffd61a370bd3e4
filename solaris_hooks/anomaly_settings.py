"""Section ``anomaly`` of the settings: what is use far above an account's own pattern, and what follows."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from solaris_hooks.quota.anomaly import AnomalyRule


class AnomalyAction(StrEnum):
    """What is done to an account whose use is far above its pattern, besides telling the administrators."""

    NONE = "none"
    SLOW_DOWN = "slow_down"
    """It may run one request at once until its local day ends, or an administrator ends that."""
    SUSPEND = "suspend"
    """It is suspended, as if by an administrator, until one reactivates it."""


class AnomalySettings(BaseModel):
    """When use is far above an account's own pattern; the rule is in :mod:`solaris_hooks.quota.anomaly`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(default=True, description="Look for it at all.")
    action: AnomalyAction = Field(
        AnomalyAction.NONE, description="`none`, `slow_down` the account for the day, or `suspend` it."
    )
    factor: int = Field(4, ge=2, le=1000, description="How many usual largest days are far above.")
    minimum_percent: int = Field(
        5, ge=1, le=100, description="Of what the account has been granted; less use is never an anomaly."
    )
    history_days: int = Field(56, ge=14, le=180, description="Days before today that make the pattern.")
    least_active_days: int = Field(5, ge=2, le=90, description="How many of them need use.")

    @property
    def rule(self) -> AnomalyRule:
        """The rule that these describe."""
        return AnomalyRule(
            factor=self.factor,
            minimum_percent=self.minimum_percent,
            history_days=self.history_days,
            least_active_days=self.least_active_days,
        )
