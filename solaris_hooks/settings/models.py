"""What models weigh, cost, and are paid by the unit."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from solaris_hooks.quota.costs import Costs
from solaris_hooks.quota.units import Unit
from solaris_hooks.quota.weights import Weights, WeightTable

Price = Annotated[Decimal, Field(ge=0, le=1_000_000_000, max_digits=18, decimal_places=9, allow_inf_nan=False)]
Weight = Annotated[Decimal, Field(ge=0, le=1000, max_digits=12, decimal_places=9, allow_inf_nan=False)]


class ModelWeights(BaseModel):
    """Booked tokens for each token of the provider."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Weight = Decimal(1)
    cached_input: Weight | None = Field(None, description="Default: the weight of input.")
    output: Weight = Decimal(1)


def weight_table(weights: Mapping[str, ModelWeights]) -> WeightTable:
    """Weights by pattern, as the rules take them."""
    return WeightTable(
        {
            pattern: Weights(
                input=each.input,
                cached_input=each.input if each.cached_input is None else each.cached_input,
                output=each.output,
            )
            for pattern, each in weights.items()
        }
    )


class ModelPrices(BaseModel):
    """Booked tokens for what a model does that is not counted in tokens; a unit that is left out has no price."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    image: Price | None = Field(None, description="Each image made or changed.")
    second: Price | None = Field(None, description="Each second of sound that is transcribed.")
    character: Price | None = Field(None, description="Each character that is spoken.")
    call: Price | None = Field(None, description="Each call: of moderation, or of reranking up to 100 documents.")


class ModelCosts(BaseModel):
    """What a model costs whoever runs the service: money for a million tokens of the provider, and for single units."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Price | None = Field(None, description="May be left out where units have a cost.")
    cached_input: Price | None = Field(None, description="Default: the cost of input.")
    output: Price = Decimal(0)
    image: Price | None = Field(None, description="Each image made or changed.")
    second: Price | None = Field(None, description="Each second of sound that is transcribed.")
    character: Price | None = Field(None, description="Each character that is spoken.")
    call: Price | None = Field(None, description="Each call of moderation or of reranking, as unit_prices counts them.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.input is None and not self.units:
            raise ValueError("needs input, or the cost of a unit: image, second, character or call")
        return self

    @property
    def units(self) -> dict[Unit, Decimal]:
        """Money for one of each unit that has a cost."""
        said = {unit: getattr(self, unit.value) for unit in Unit}
        return {unit: cost for unit, cost in said.items() if cost is not None}

    @property
    def costs(self) -> Costs:
        """The same for the rules."""
        tokens = Decimal(0) if self.input is None else self.input
        cached = tokens if self.cached_input is None else self.cached_input
        return Costs(tokens, cached, self.output, self.units)
