"""How much a request needs, by each model that may answer it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from solaris_hooks.hooks import refusals
from solaris_hooks.hooks.growth import room_for
from solaris_hooks.quota.prompt import Prompt
from solaris_hooks.quota.sizing import Sizing

if TYPE_CHECKING:
    from solaris_hooks.hooks.answer_lengths import AnswerLengths
    from solaris_hooks.hooks.models import Models
    from solaris_hooks.hooks.routes import Demand
    from solaris_hooks.quota.weights import WeightTable
    from solaris_hooks.settings import Settings


class Sizes:
    """Sizes requests by what models allow, and by what earlier answers needed."""

    def __init__(self, settings: Settings, models: Models, lengths: AnswerLengths) -> None:
        """Keep the collaborators."""
        self._settings = settings
        self._models = models
        self._lengths = lengths
        self._prices = settings.price_table

    def of(
        self, demand: Demand, models: Sequence[str], weights: WeightTable, *, prompt_tokens: int, can_grow: bool
    ) -> list[Sizing]:
        """What a request needs by each model, in their order.

        Args:
            demand: what it asks for.
            models: that may answer it.
            weights: by which its account is charged.
            prompt_tokens: of what is seen of its prompt, not below what a provider will count.
            can_grow: its hold can follow its stream.

        Raises:
            ProxyException: it is paid by a unit that has no price.
        """
        sizings = []
        for model in models:
            price = self._price(demand, model)
            free = price == 0
            sizings.append(
                Sizing(
                    prompt_tokens=0 if free else self._prompt_tokens(demand.prompt, model, prompt_tokens),
                    output_tokens=self._output_tokens(model, demand.output.cap),
                    choices=demand.output.choices,
                    weights=weights.of(model),
                    usual_tokens=self._usual_tokens(model, can_grow=can_grow),
                    least_tokens=demand.output.least,
                    price=price or 0,
                )
            )
        return sizings

    def _prompt_tokens(self, prompt: Prompt, model: str, seen_tokens: int) -> int:
        """What is seen of a prompt, or the model's whole window where the provider adds what is not."""
        if not prompt.unseen:
            return seen_tokens
        return max(seen_tokens, self._models.facts(model).window or self._settings.unknown_model_input_tokens)

    def _price(self, demand: Demand, model: str) -> int | None:
        """Booked tokens of what is paid by the unit; None where tokens are paid for."""
        if demand.units is None:
            return None
        priced = self._prices.price(model, demand.units)
        if priced is None:
            raise refusals.no_price(self._settings.default_locale, model, demand.units)
        return priced.charge

    def _output_tokens(self, model: str, cap: int | None) -> int:
        limit = self._models.facts(model).output_limit
        if cap == 0:
            return 0  # a kind of call that generates nothing
        if cap is None or not self._lengths.obeys_caps(model):
            unknown = self._settings.unknown_model_output_tokens
            return limit if limit is not None else max(unknown, cap or 0)
        return min(cap, limit) if limit is not None else cap

    def _usual_tokens(self, model: str, *, can_grow: bool) -> int | None:
        """What nearly all answers stay within; of a stream, without asking for more."""
        usual = self._lengths.usual(model, stream=can_grow)
        if not can_grow:
            return usual
        if usual is None:
            return self._settings.first_stream_tokens
        return room_for(usual, self._lengths.percent(model))
