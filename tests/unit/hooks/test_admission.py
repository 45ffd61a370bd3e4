"""What admission does of itself, without a proxy around it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from litellm.proxy._types import UserAPIKeyAuth

from solaris_hooks.hooks.admission import Admission
from solaris_hooks.hooks.answer_lengths import AnswerLengths
from solaris_hooks.hooks.in_flight import InFlight
from solaris_hooks.hooks.models import ModelFacts, Models
from solaris_hooks.hooks.payers import Payers
from solaris_hooks.hooks.settlement import Settler
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.settings import Settings

CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
ANA = UserAPIKeyAuth(api_key="sk-1", user_id="ana")


class OneModel(Models):
    """Any model, with a limit."""

    def facts(self, model: str) -> ModelFacts:
        return ModelFacts(output_limit=100, hides_output=False, window=1000)

    def candidates(self, model: str, body: Mapping[str, Any]) -> tuple[str, ...]:
        return (model,)


class Scene:
    """An admission, and the books it asks."""

    def __init__(self) -> None:
        settings = Settings.model_construct(database_url="postgresql://nowhere")
        self.ledger = MemoryLedger()
        in_flight = InFlight()
        lengths = AnswerLengths(self.ledger, margin_percent=10)
        self.admission = Admission(
            settings=settings,
            ledger=self.ledger,
            in_flight=in_flight,
            models=OneModel(),
            lengths=lengths,
            settler=Settler(ledger=self.ledger, in_flight=in_flight, weights=settings.weight_table, lengths=lengths),
            payers=Payers(self.ledger, id_header="x-librechat-user-id", create=True),
        )


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_hooks_that_run_twice_for_one_request_hold_once(scene: Scene) -> None:
    await scene.admission.admit(ANA, dict(CHAT), "acompletion")
    await scene.admission.admit(ANA, dict(CHAT), "acompletion")
    assert len(await scene.ledger.holds()) == 1


async def test_a_call_that_litellm_makes_within_a_request_leaves_the_requests_hold(scene: Scene) -> None:
    await scene.admission.admit(ANA, dict(CHAT), "acompletion")
    await scene.admission.admit(ANA, {"model": "m", "input": "hello"}, "aembedding")
    assert len(await scene.ledger.holds()) == 2
