"""Chats through the stock proxy: what is held, settled, capped and refused, and what the client sees."""

from __future__ import annotations

import concurrent.futures
import datetime as dt
import json

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.e2e.world import World, sim, until


def test_an_answer_is_booked_to_the_token_and_its_headers_say_so(world: World) -> None:
    user = world.user(tokens=100_000)
    answer = user.chat(sim(prompt_tokens=120, completion_tokens=300))
    assert answer.status_code == 200
    assert answer.json()["usage"]["total_tokens"] == 420
    assert user.used == 420
    assert user.held == 0
    assert answer.headers["x-solaris-quota-limit"] == "100000"
    assert answer.headers["x-solaris-quota-used"] == "420"
    assert answer.headers["x-solaris-quota-remaining"] == "99580"
    assert answer.headers["x-solaris-quota-state"] == "normal"
    assert dt.datetime.fromisoformat(answer.headers["x-solaris-quota-reset"]) == user.account["period_end"]


def test_a_stream_is_booked_to_the_token_though_its_client_asked_for_no_usage(world: World) -> None:
    user = world.user(tokens=100_000)
    with user.stream(sim(prompt_tokens=50, completion_tokens=70)) as answer:
        lines = [line for line in answer.iter_lines() if line]
        assert answer.headers["x-solaris-quota-remaining"] is not None
    assert lines[-1] == "data: [DONE]"
    assert not any('"usage"' in line for line in lines), "the usage chunk is ours, not the client's"
    (row,) = user.settled()
    assert (row["charge"], row["source"]) == (120, "provider")


def test_all_keys_of_a_user_share_one_account(world: World) -> None:
    user = world.user()
    user.chat(sim(prompt_tokens=10, completion_tokens=10))
    with world.proxy.client() as admin:
        other = admin.post("/key/generate", json={"user_id": user.name}).json()["key"]
    with world.proxy.client(other) as client:
        client.post(
            "/v1/chat/completions", json={"model": "demo", "messages": sim(prompt_tokens=1, completion_tokens=2)}
        )
    assert user.used == 23


def test_keys_without_a_user_have_accounts_of_their_own(world: World) -> None:
    with world.proxy.client() as admin:
        made = [admin.post("/key/generate", json={}).json() for _ in range(2)]
    for each in made:
        with world.proxy.client(each["key"]) as client:
            client.post(
                "/v1/chat/completions", json={"model": "demo", "messages": sim(prompt_tokens=5, completion_tokens=5)}
            )
        (account,) = world.rows("SELECT * FROM solaris.accounts WHERE account_id = %s", f"key:{each['token']}")
        assert account["allowance_used"] == 10


def test_the_master_key_is_not_metered(world: World) -> None:
    with world.proxy.client() as admin:
        answer = admin.post("/v1/chat/completions", json={"model": "demo", "messages": sim(completion_tokens=5)})
    assert answer.status_code == 200
    assert "x-solaris-quota-limit" not in answer.headers
    assert world.rows("SELECT count(*) AS n FROM solaris.usage WHERE account_id LIKE 'key:%%master%%'")[0]["n"] == 0
    assert world.rows("SELECT 1 FROM solaris.accounts WHERE account_id LIKE 'user:default%%'") == []


def test_weights_are_exact_decimals_rounded_up_once(world: World) -> None:
    user = world.user()
    user.chat(sim(prompt_tokens=100, cached_tokens=33, completion_tokens=7), model="heavy")
    # 67 * 0.376 + 33 * 0.1 + 7 * 1.5 = 25.192 + 3.3 + 10.5 = 38.992
    assert user.used == 39


def test_a_tight_balance_caps_the_answer_instead_of_refusing_it(world: World) -> None:
    user = world.user(tokens=300)
    answer = user.chat(sim("word " * 20, completion_tokens=4000, label="capped"))
    assert answer.status_code == 200
    (body,) = world.bodies("capped")
    assert 0 < body["max_tokens"] < 300
    assert answer.json()["choices"][0]["finish_reason"] == "length"
    assert user.used <= 300
    assert user.account["overage"] == 0


def test_an_ample_balance_leaves_the_request_as_it_is(world: World) -> None:
    user = world.user(tokens=100_000)
    user.chat(sim(completion_tokens=5, label="untouched"))
    (body,) = world.bodies("untouched")
    assert "max_tokens" not in body
    assert "max_completion_tokens" not in body


def test_a_model_without_a_known_limit_gets_one(world: World) -> None:
    user = world.user(tokens=100_000)
    answer = user.chat(sim(completion_tokens=5000, label="boundless"), model="boundless")
    assert answer.json()["usage"]["completion_tokens"] == 500
    assert world.bodies("boundless")[0]["max_tokens"] == 500


@pytest.mark.parametrize("stream", [False, True])
def test_an_exhausted_balance_is_refused_in_the_users_language(world: World, *, stream: bool) -> None:
    user = world.user(tokens=1)
    answer = user.chat(sim("palavra " * 50, label="never"), stream=stream)
    assert answer.status_code == 402
    error = answer.json()["error"]
    assert error["type"] == "quota_exceeded"
    assert answer.headers["x-should-retry"] == "false"
    renewal = user.account["period_end"].astimezone(dt.timezone(dt.timedelta(hours=-3))).strftime("%d/%m/%Y")
    assert renewal in error["message"]
    assert "não cobre este pedido" in error["message"]
    assert len("402 " + error["message"]) <= 240
    assert "\n" not in error["message"]
    assert "{" not in error["message"]
    assert world.bodies("never") == []
    assert user.used == 0


def test_what_is_used_up_reads_as_used_up(world: World) -> None:
    user = world.user(tokens=200)
    user.chat(sim(prompt_tokens=100, completion_tokens=150, ignore_cap=True))
    assert user.account["overage"] == 50
    message = user.chat(sim()).json()["error"]["message"]
    assert message.startswith("Sua cota de tokens acabou")


def test_an_overage_is_an_entry_of_its_own_and_comes_off_the_next_grant(world: World) -> None:
    user = world.user(tokens=200)
    user.chat(sim(prompt_tokens=100, completion_tokens=150, ignore_cap=True))
    kinds = world.rows(
        "SELECT kind, tokens FROM solaris.entries WHERE account_id = %s ORDER BY number", user.account_id
    )
    assert [(row["kind"], row["tokens"]) for row in kinds][-2:] == [("usage", -200), ("overage", -50)]


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        ("suspended", None, "Sua conta está suspensa; fale com o administrador."),
        ("suspended", "fatura {vencida}\nem outubro", "Sua conta está suspensa: fatura (vencida) em outubro"),
        ("blocked", "abuso", "Sua conta está bloqueada: abuso"),
    ],
)
def test_a_suspended_account_reads_why(world: World, status: str, reason: str | None, expected: str) -> None:
    user = world.user(tokens=1000)
    world.rows(
        "UPDATE solaris.accounts SET status = %s, status_reason = %s WHERE account_id = %s RETURNING 1",
        status,
        reason,
        user.account_id,
    )
    answer = user.chat(sim())
    assert answer.status_code == 403
    assert answer.json()["error"]["type"] == "account_suspended"
    assert answer.json()["error"]["message"] == expected


def test_a_provider_that_fails_costs_nothing(world: World) -> None:
    user = world.user(tokens=10_000)
    answer = user.chat(sim(status=400, label="failing"))
    assert answer.status_code == 400
    assert (user.used, user.held) == (0, 0)
    assert len(user.usage("released")) == 1


def test_a_retry_that_succeeds_is_booked_once(world: World) -> None:
    user = world.user(tokens=10_000)
    answer = user.chat(sim(status=500, fail_times=1, id=user.name, prompt_tokens=10, completion_tokens=20))
    assert answer.status_code == 200
    assert [row["charge"] for row in user.settled()] == [30]


def test_a_fallback_is_booked_by_the_weights_of_the_model_that_answered(world: World) -> None:
    user = world.user(tokens=100_000)
    answer = user.chat(
        sim(status=500, fail_times=2, id=f"fallback-{user.name}", prompt_tokens=10, completion_tokens=20), model="light"
    )
    assert answer.status_code == 200, answer.text
    (row,) = user.settled()
    assert (row["model"], row["charge"]) == ("backup", 10 + 2 * 20)


def test_a_client_that_leaves_a_stream_pays_for_what_it_got(world: World) -> None:
    user = world.user(tokens=100_000)
    with user.stream(sim("one two three", completion_tokens=2000, chunk_delay_ms=5)) as answer:
        for seen, _line in enumerate(answer.iter_lines()):
            if seen > 20:
                break
    (row,) = user.settled()
    assert row["source"] == "estimate"
    assert 0 < row["output_tokens"] < 2000
    assert row["charge"] == row["input_tokens"] + row["output_tokens"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_that_takes_too_long_costs_nothing(world: World, *, stream: bool) -> None:
    user = world.user(tokens=100_000)
    answer = user.chat(sim(completion_tokens=10, delay_ms=8000), model="hasty", stream=stream)
    assert answer.status_code in {408, 500, 504}
    until(lambda: user.held == 0)
    assert user.used == 0


def test_a_stream_that_breaks_is_booked_by_estimate(world: World) -> None:
    user = world.user(tokens=100_000)
    with user.stream(sim(completion_tokens=100, die_after_chunks=10, chunk_delay_ms=10)) as answer:
        list(answer.iter_lines())
    (row,) = user.settled()
    assert row["source"] == "estimate"
    assert row["output_tokens"] >= 10


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -5, "completion_tokens": 10, "total_tokens": 5},
        {"prompt_tokens": 10**12, "completion_tokens": 10, "total_tokens": 10**12},
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    ],
)
def test_absurd_usage_is_not_believed(world: World, usage: dict[str, int]) -> None:
    user = world.user(tokens=100_000)
    user.chat(sim("a few words", completion_tokens=12, usage=usage))
    (row,) = user.settled()
    assert row["source"] == "estimate"
    assert 0 < row["charge"] < 1000


def test_the_official_client_chats_streams_and_reads_the_refusal(world: World) -> None:
    user = world.user(tokens=1_600)
    client = openai.OpenAI(base_url=f"{world.proxy.base_url}/v1", api_key=user.key)

    def messages(text: str = "hello", **directive: object) -> list[ChatCompletionMessageParam]:
        return [{"role": "user", "content": sim(text, **directive)[0]["content"]}]

    answer = client.chat.completions.create(
        model="demo", messages=messages(prompt_tokens=10, completion_tokens=20), max_completion_tokens=50
    )
    assert answer.usage is not None
    stream = client.chat.completions.create(
        model="demo",
        messages=messages(prompt_tokens=10, completion_tokens=900, ignore_cap=True),
        stream=True,
        stream_options={"include_usage": True},
        max_tokens=100,
    )
    usages = [chunk.usage for chunk in stream if chunk.usage]
    assert usages[-1].total_tokens == 910
    user.settled(2)
    assert user.used == 30 + 910
    with pytest.raises(openai.APIStatusError) as refused:
        client.chat.completions.create(model="demo", messages=messages("many words " * 500))
    assert refused.value.status_code == 402
    assert json.loads(refused.value.response.text)["error"]["type"] == "quota_exceeded"


def test_the_account_of_a_new_user_gets_the_name_and_address_that_litellm_knows(world: World) -> None:
    user = world.user()
    with world.proxy.client() as admin:
        admin.post(
            "/user/update", json={"user_id": user.name, "user_email": "ana@example.org", "user_alias": "Ana Souza"}
        ).raise_for_status()
    user.chat(sim(prompt_tokens=1, completion_tokens=1))
    until(lambda: user.account["name"] == "Ana Souza")
    assert user.account["email"] == "ana@example.org"
    assert user.account["plan_id"] == "default"


def test_an_account_in_english_is_refused_in_english(world: World) -> None:
    user = world.user(tokens=1)
    with world.proxy.client() as admin:
        admin.put(f"/solaris/api/v1/accounts/{user.account_id}", json={"locale": "en"}).raise_for_status()
    message = user.chat(sim("word " * 50)).json()["error"]["message"]
    assert message.startswith("Your balance of 1 tokens does not cover this request")
    assert len("402 " + message) <= 240


def test_what_other_requests_hold_is_waited_for_and_then_reads_differently(world: World) -> None:
    # A model of which too little is known: its answers in one piece hold whatever there is.
    user = world.user(tokens=400)
    slow = sim(prompt_tokens=10, completion_tokens=20, delay_ms=4000)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        first = pool.submit(user.chat, slow, model="quiet")  # nothing is left beside what it holds
        until(lambda: user.held > 0)
        second = user.chat(sim(prompt_tokens=10, completion_tokens=20), model="quiet")
        assert second.status_code == 429
        error = second.json()["error"]
        assert error["type"] == "quota_held"
        assert "reservado por outros pedidos" in error["message"]
        assert int(second.headers["retry-after"]) > 0
        assert second.headers["x-solaris-quota-state"] == "normal", "held is not used"
        assert first.result().status_code == 200
    assert user.used == 30


def test_one_who_waits_gets_the_tokens_that_another_gives_back(world: World) -> None:
    user = world.user(tokens=400)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        slow = sim(prompt_tokens=10, completion_tokens=20, delay_ms=600)
        first = pool.submit(user.chat, slow, model="quiet")
        until(lambda: user.held > 0)
        assert user.chat(sim(prompt_tokens=10, completion_tokens=20), model="quiet").status_code == 200
        assert first.result().status_code == 200
    assert user.used == 60
