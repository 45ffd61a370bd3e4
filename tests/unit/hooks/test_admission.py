"""What admission does of itself, without a proxy around it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from litellm.proxy._types import ProxyException, UserAPIKeyAuth

from solaris_hooks.hooks.admission import Admission
from solaris_hooks.hooks.answer_lengths import AnswerLengths
from solaris_hooks.hooks.in_flight import InFlight
from solaris_hooks.hooks.models import ModelFacts, Models
from solaris_hooks.hooks.newcomers import Newcomers
from solaris_hooks.hooks.payers import Payers
from solaris_hooks.hooks.request_body import Body
from solaris_hooks.hooks.routes import ROUTES, Demand
from solaris_hooks.hooks.settlement import Settler
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.records import AccountChange, Plan
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.quota.weights import Weights, WeightTable
from solaris_hooks.settings import NewAccounts, Settings

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
        self.in_flight = in_flight = InFlight()
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


async def put_plan(scene: Scene, **terms: Any) -> None:
    await scene.ledger.put_plan(Plan("default", 1_000_000, **terms), actor="admin")


async def refusal(scene: Scene, **fields: Any) -> ProxyException:
    with pytest.raises(ProxyException) as refused:
        await scene.admission.admit(ANA, CHAT | fields, "acompletion")
    assert await scene.ledger.holds() == []
    return refused.value


async def test_a_model_that_the_plan_does_not_include_is_refused_by_name_and_holds_nothing(scene: Scene) -> None:
    await put_plan(scene, allowed_models=("gpt-*", "o3"))
    refused = await refusal(scene)
    assert (refused.code, refused.type, refused.param) == ("403", "model_not_allowed", "model")
    assert refused.message == "Seu plano não inclui o modelo m. Ele inclui: gpt-*, o3"


async def test_a_fallback_that_the_request_names_must_be_included_too(scene: Scene) -> None:
    await put_plan(scene, allowed_models=("m",))
    refused = await refusal(scene, fallbacks=["dear"])
    assert "dear" in refused.message
    await scene.admission.admit(ANA, dict(CHAT), "acompletion")
    assert len(await scene.ledger.holds()) == 1


async def test_a_request_too_many_at_once_reads_differently(scene: Scene) -> None:
    await put_plan(scene, max_in_flight=1)
    await asyncio.create_task(scene.admission.admit(ANA, dict(CHAT), "acompletion"))
    with pytest.raises(ProxyException) as refused:
        await asyncio.create_task(scene.admission.admit(ANA, dict(CHAT), "acompletion"))
    assert (refused.value.code, refused.value.type) == ("429", "requests_in_flight")
    assert refused.value.message.startswith("Você já tem 1 em andamento")
    assert refused.value.headers is not None
    assert refused.value.headers["retry-after"] == "10"


async def test_a_request_is_sized_by_the_weights_of_its_plan_from_the_first_on(scene: Scene) -> None:
    await asyncio.create_task(scene.admission.admit(ANA, dict(CHAT), "acompletion"))
    (usual,) = await scene.ledger.holds()
    await put_plan(scene, weights=WeightTable({"m": Weights(Decimal(3), Decimal(3), Decimal(3))}))
    for number in (2, 3):
        await asyncio.create_task(
            scene.admission.admit(UserAPIKeyAuth(api_key="sk", user_id=f"u{number}"), dict(CHAT), "acompletion")
        )
    amounts = [hold.amount for hold in await scene.ledger.holds() if hold.account_id != usual.account_id]
    assert amounts == [3 * usual.amount] * 2
    assert {request.weights is None for request in scene.in_flight} == {True, False}


async def test_a_plan_that_loses_its_weights_is_heard_of(scene: Scene) -> None:
    await put_plan(scene, weights=WeightTable({"m": Weights(Decimal(3), Decimal(3), Decimal(3))}))
    await asyncio.create_task(scene.admission.admit(ANA, dict(CHAT), "acompletion"))
    await put_plan(scene)
    await asyncio.create_task(scene.admission.admit(ANA, dict(CHAT), "acompletion"))
    weighed, usual = sorted((hold.amount for hold in await scene.ledger.holds()), reverse=True)
    assert weighed == 3 * usual


async def test_a_new_user_s_plan_is_that_of_his_team(scene: Scene) -> None:
    await scene.ledger.put_plan(Plan("big", 5_000_000), actor="admin")
    scene.admission._newcomers = Newcomers(Settings.model_construct(plan_by_team={"sales": "big"}))
    await scene.admission.admit(
        UserAPIKeyAuth(api_key="sk-1", user_id="ana", team_id="sales"), dict(CHAT), "acompletion"
    )
    account = await scene.ledger.account(AccountId("user:ana"))
    assert account is not None
    assert account.balance.plan_id == "big"


async def test_a_new_user_may_have_to_wait_for_approval(scene: Scene) -> None:
    scene.admission._newcomers = Newcomers(Settings.model_construct(new_accounts=NewAccounts.PENDING))
    refused = await refusal(scene)
    assert (refused.code, refused.type) == ("403", "account_pending")
    account = await scene.ledger.account(AccountId("user:ana"))
    assert account is not None
    await scene.ledger.put_account(AccountId("user:ana"), AccountChange(status=Status.ACTIVE), actor="admin")
    await scene.admission.admit(ANA, dict(CHAT), "acompletion")
    assert len(await scene.ledger.holds()) == 1


async def test_an_account_that_was_merged_is_paid_for_by_the_other_one(scene: Scene) -> None:
    old, new = AccountId("user:ana"), AccountId("user:ana.souza")
    await scene.ledger.put_account(new, AccountChange(), actor="admin")
    await scene.ledger.put_account(old, AccountChange(status=Status.BLOCKED, status_reason="merged"), actor="admin")
    assert (await refusal(scene)).type == "account_suspended"
    scene.ledger.merged[old] = new
    for _ in range(2):  # found out, then remembered
        await asyncio.create_task(scene.admission.admit(ANA, dict(CHAT), "acompletion"))
    assert [hold.account_id for hold in await scene.ledger.holds()] == [new, new]
    assert {request.account_id for request in scene.in_flight} == {new}


@pytest.mark.parametrize(("length", "aside"), [("100", False), ("1000000", True)])
async def test_a_long_request_is_read_outside_of_the_event_loop(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, length: str, *, aside: bool
) -> None:
    threads = []
    route = ROUTES["acompletion"]
    read = route.read

    def reading(body: Body, *, media_tokens: int) -> Demand:
        threads.append(threading.current_thread())
        return read(body, media_tokens=media_tokens)

    monkeypatch.setattr(route, "read", reading)
    body = CHAT | {"proxy_server_request": {"headers": {"content-length": length}}}
    await scene.admission.admit(ANA, body, "acompletion")
    (thread,) = threads
    assert (thread is not threading.main_thread()) is aside


async def test_what_is_wrong_with_a_long_request_is_said_as_of_any_other(scene: Scene) -> None:
    refused = await refusal(scene, max_tokens=-1, proxy_server_request={"headers": {"content-length": "1000000"}})
    assert (refused.code, refused.param) == ("400", "max_tokens")
