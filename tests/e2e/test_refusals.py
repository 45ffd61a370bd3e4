"""Why a request was refused, from the header of its answer to the explanation, through the stock proxy."""

from __future__ import annotations

import datetime as dt
from typing import Any

import httpx

from tests.e2e.world import User, World, sim, until

HEADER = "x-solaris-refusal-id"


def explained(world: World, refusal_id: str) -> dict[str, Any]:
    """What administrators read of a refusal, as soon as it is written."""
    path = f"/solaris/api/v1/refusals/{refusal_id}"
    with world.proxy.client() as admin:
        until(lambda: admin.get(path).status_code == 200)
        answer: dict[str, Any] = admin.get(path).json()
    return answer


def refused(world: World, answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers[HEADER] not in answer.text, "people read the sentence alone"
    found = explained(world, answer.headers[HEADER])
    assert (found["status"], found["message"]) == (status, answer.json()["error"]["message"])
    return found


def administer(world: World, user: User, **change: object) -> None:
    with world.proxy.client() as admin:
        admin.put(f"/solaris/api/v1/accounts/{user.account_id}", json=change).raise_for_status()


def test_an_exhausted_account_is_told_an_id_that_explains_the_figures(world: World) -> None:
    user = world.user(tokens=10)
    found = refused(world, user.chat(sim(), max_tokens=50), 402)
    assert (found["account_id"], found["model"], found["path"]) == (user.account_id, "demo", "/v1/chat/completions")
    assert (found["reason"], found["call_type"]) == ("tight", "acompletion")
    assert found["figures"]["left"] == 10
    assert found["asked"]["cap_asked"] == 50
    assert found["asked"]["model_limit"] == 4096
    assert found["asked"]["estimate"] == "tokenizer"
    assert len(found["key_prefix"]) == 8
    assert any("10" in each for each in found["explanation"])


def test_a_contended_request_names_the_requests_that_held(world: World) -> None:
    user = world.user(tokens=1_000)
    with user.stream(sim(completion_tokens=400, chunk_delay_ms=25), max_tokens=900) as running:
        until(lambda: user.held > 0)
        found = refused(world, user.chat(sim(text="word " * 800), max_tokens=50), 429)
        running.read()
    assert found["reason"] == "contended"
    assert found["waited_ms"] >= 900, "it waited for hold_wait_seconds"
    assert found["holders"]["requests"] == 1
    (holder,) = found["holders"]["largest"]
    assert holder["model"] == "demo"
    assert holder["amount"] == found["holders"]["amount"] > 0
    read_at, at = (dt.datetime.fromisoformat(each) for each in (found["holders"]["read_at"], found["at"]))
    assert read_at >= at, "who held is read after the refusal, and says when"


def test_a_suspended_account_and_its_user_see_the_reason_and_users_see_no_machinery(world: World) -> None:
    user = world.user(tokens=1_000)
    administer(world, user, status="suspended", status_reason="unpaid")
    found = refused(world, user.chat(sim()), 403)
    assert (found["reason"], "unpaid" in found["message"]) == ("suspended", True)
    with world.proxy.client(user.key) as mine:
        (own,) = mine.get("/solaris/api/v1/me/refusals").json()["data"]
        assert mine.get("/solaris/api/v1/refusals").status_code == 403
    assert own["id"] == found["id"]
    assert {"process", "key_prefix", "account_id"}.isdisjoint(own)


def test_a_model_that_the_plan_does_not_include_is_explained(world: World) -> None:
    user = world.user(tokens=1_001)
    with world.proxy.client() as admin:
        admin.put(
            "/solaris/api/v1/plans/plan-1001", json={"monthly_tokens": 1_001, "allowed_models": ["light"]}
        ).raise_for_status()
    found = refused(world, user.chat(sim()), 403)
    assert (found["reason"], found["param"], found["model"]) == ("model_not_allowed", "model", "demo")


def test_a_route_that_is_not_metered_is_explained_with_whose_key_it_was(world: World) -> None:
    user = world.user(tokens=1_000)
    with world.proxy.client(user.key) as client:
        found = refused(world, client.post("/v1/threads/thread_1/runs", json={}), 403)
    assert (found["reason"], found["account_id"]) == ("route_not_metered", user.account_id)
    assert found["path"] == "/v1/threads/thread_1/runs"
    assert (found["figures"], found["asked"]) == (None, None)


def test_bad_parameters_are_explained(world: World) -> None:
    user = world.user(tokens=1_000)
    found = refused(world, user.chat(sim(), max_tokens=-1), 400)
    assert (found["reason"], found["param"]) == ("invalid_request", "max_tokens")


def test_a_flood_of_one_user_is_one_row_and_every_client_is_told_its_id(world: World) -> None:
    user = world.user(tokens=10)
    told = {user.chat(sim(), max_tokens=50).headers[HEADER] for _ in range(20)}
    assert len(told) == 1
    (refusal_id,) = told
    until(lambda: explained(world, refusal_id)["count"] == 20)
    rows = world.rows("SELECT count(*) FROM solaris.refusals WHERE account_id = %s", user.account_id)
    assert rows == [{"count": 1}]
    daily = world.rows("SELECT reason, count FROM solaris.refusals_daily WHERE account_id = %s", user.account_id)
    assert daily == [{"reason": "tight", "count": 20}]


def test_a_stream_that_is_cut_short_is_noted(world: World) -> None:
    user = world.user(tokens=1_000)
    with user.stream(sim(prompt_tokens=20, completion_tokens=3_000, ignore_cap=True, chunk_delay_ms=1)) as answer:
        assert "length" in answer.read().decode()
    path = "/solaris/api/v1/me/refusals"
    with world.proxy.client(user.key) as mine:
        until(lambda: bool(mine.get(path).json()["data"]))
        (own,) = mine.get(path).json()["data"]
    assert (own["kind"], own["reason"], own["status"]) == ("cut_short", "cut_short", 200)
