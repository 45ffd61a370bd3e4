"""Credits: on offer, and asked for."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from solaris_hooks.quota.checks import MAX_TOKENS


class CreditRequestLimits(BaseModel):
    """How often users may ask for credits, and how many: so that nobody floods the administrators."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    open_limit: int = Field(
        3, ge=0, le=1000, description="Requests of an account that may wait at once; 0: nobody asks."
    )
    per_day: int = Field(5, ge=0, le=1000, description="Requests of an account within 24 hours.")
    max_tokens: int = Field(10_000_000, ge=1, le=MAX_TOKENS, description="Tokens of a request at the most.")


class CreditPackage(BaseModel):
    """Credits on offer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=64, pattern=r"^[\w .+-]+$")
    tokens: int = Field(ge=1, le=MAX_TOKENS)
    price: Annotated[Decimal, Field(ge=0, le=1_000_000_000, decimal_places=4, allow_inf_nan=False)]
    currency: str = Field(pattern="^[A-Z]{3}$", description="ISO 4217, such as BRL.")
