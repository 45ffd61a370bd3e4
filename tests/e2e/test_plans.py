"""Terms of plans, through the stock proxy."""

from __future__ import annotations

from tests.e2e.world import User, World, sim, until


def on_plan(world: World, name: str, **terms: object) -> User:
    """A new user on a plan of his own."""
    user = world.user()
    with world.proxy.client() as admin:
        admin.put(f"/solaris/api/v1/plans/{name}", json={"monthly_tokens": 10_000, **terms}).raise_for_status()
        admin.put(f"/solaris/api/v1/accounts/{user.account_id}", json={"plan": name}).raise_for_status()
    return user


def test_a_model_outside_the_plan_never_reaches_its_provider(world: World) -> None:
    user = on_plan(world, "narrow", allowed_models=["light*", "quiet"])
    refused = user.chat(sim(label=user.name))
    assert refused.status_code == 403
    error = refused.json()["error"]
    assert (error["type"], error["code"]) == ("model_not_allowed", "403")
    assert "light*, quiet" in error["message"]
    assert (user.held, user.usage()) == (0, [])
    assert world.served(user.name) == {}
    assert user.chat(sim(label=user.name), model="quiet").status_code == 200


def test_a_fallback_that_a_request_names_must_be_in_the_plan(world: World) -> None:
    user = on_plan(world, "narrow", allowed_models=["light*", "quiet"])
    assert user.chat(sim(label=user.name), model="quiet", fallbacks=["demo"]).status_code == 403
    assert world.served(user.name) == {}


def test_one_request_too_many_at_once_is_told_to_come_again(world: World) -> None:
    user = on_plan(world, "single", max_in_flight=1)
    with user.stream(sim(completion_tokens=100, chunk_delay_ms=50)) as first:
        until(lambda: user.held > 0)
        refused = user.chat(sim())
        assert (refused.status_code, refused.json()["error"]["type"]) == (429, "requests_in_flight")
        assert refused.headers["retry-after"] == "10"
        first.read()
    user.settled()
    assert user.chat(sim()).status_code == 200


def test_an_overdraft_is_used_and_owed(world: World) -> None:
    user = on_plan(world, "trusting", monthly_tokens=1_000, overdraft=500)
    assert user.chat(sim(prompt_tokens=20, completion_tokens=1_200), max_tokens=1_300).status_code == 200
    user.settled()
    assert (user.account["overage"], user.used) == (220, 1_220)
    refused = user.chat(sim(prompt_tokens=20, completion_tokens=10, text="x" * 3_000), max_tokens=4_000)
    assert refused.status_code == 402
    assert user.account["overage"] <= 500


def test_the_weights_of_a_plan_replace_those_of_the_settings(world: World) -> None:
    user = on_plan(world, "cheap", weights={"demo": {"input": "0.376", "output": "0.376"}})
    for calls in (1, 2):
        assert user.chat(sim(prompt_tokens=100, completion_tokens=50)).status_code == 200
        assert [row["charge"] for row in user.settled(calls)] == [57] * calls
