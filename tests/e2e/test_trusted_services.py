"""One key that asks for many people: who pays is what its headers say, and nobody else's headers say anything."""

from __future__ import annotations

import hashlib
import itertools
import time
from typing import Any

import httpx
import pytest

from tests.e2e.world import World, sim, until

ID, EMAIL = "x-librechat-user-id", "x-litellm-end-user-id"
_NUMBERS = itertools.count(time.monotonic_ns())


def ask(world: World, key: str, headers: dict[str, str], **body: Any) -> httpx.Response:
    request = {"model": "demo", "messages": sim(prompt_tokens=100, completion_tokens=40), **body}
    with world.proxy.client(key) as client:
        return client.post("/v1/chat/completions", json=request, headers=headers)


def accounts(world: World, *names: str) -> dict[str, tuple[int, str | None]]:
    """Use and e-mail of the accounts of end users that there are."""
    found = world.rows(
        "SELECT account_id, allowance_used, email FROM solaris.accounts WHERE account_id = ANY(%s)",
        [f"end_user:{name}" for name in names],
    )
    return {str(row["account_id"]).removeprefix("end_user:"): (row["allowance_used"], row["email"]) for row in found}


@pytest.fixture
def service(world: World) -> str:
    """A key that an administrator has flagged."""
    with world.proxy.client() as admin:
        made = admin.post("/key/generate", json={"metadata": {"solaris_trusted_service": True}})
    return str(made.json()["key"])


@pytest.fixture
def person() -> tuple[str, str]:
    """A LibreChat id and an e-mail address that nobody else has."""
    number = next(_NUMBERS)
    return f"65f0c2a1b4{number}", f"ana-{number}@example.org"


def test_a_trusted_service_names_its_end_users_and_must(world: World, service: str, person: tuple[str, str]) -> None:
    _, email = person
    nobody = ask(world, service, {}, user="the-body-names-nobody")
    assert nobody.status_code == 400
    assert EMAIL in nobody.json()["error"]["message"]
    assert ask(world, service, {EMAIL: "{{LIBRECHAT_USER_EMAIL}}"}).status_code == 400
    assert ask(world, service, {EMAIL: email}).status_code == 200
    assert accounts(world, email, "the-body-names-nobody") == {email: (140, email)}


def test_an_e_mail_that_changes_keeps_the_account(world: World, service: str, person: tuple[str, str]) -> None:
    lasting, email = person
    assert ask(world, service, {ID: lasting, EMAIL: email}).status_code == 200
    assert ask(world, service, {ID: lasting, EMAIL: f"new-{email}"}).status_code == 200
    assert accounts(world, lasting, email, f"new-{email}") == {lasting: (280, f"new-{email}")}


def test_an_account_from_before_ids_were_sent_is_found_by_its_e_mail_once(
    world: World, service: str, person: tuple[str, str]
) -> None:
    lasting, email = person
    assert ask(world, service, {EMAIL: email}).status_code == 200
    assert ask(world, service, {ID: lasting, EMAIL: email}).status_code == 200
    assert ask(world, service, {ID: lasting, EMAIL: f"new-{email}"}).status_code == 200
    assert ask(world, service, {ID: f"{lasting}-another", EMAIL: email}).status_code == 200
    assert accounts(world, lasting, email) == {email: (420, f"new-{email}")}
    assert accounts(world, f"{lasting}-another") == {f"{lasting}-another": (140, email)}


def test_a_service_sees_its_users_account_as_the_user_would(
    world: World, service: str, person: tuple[str, str]
) -> None:
    lasting, email = person
    ask(world, service, {EMAIL: email})
    ask(world, service, {ID: lasting, EMAIL: email})
    with world.proxy.client(service) as client:
        mine = client.get("/solaris/api/v1/me", headers={ID: lasting})
    assert mine.status_code == 200, mine.text
    assert f"end_user:{email}" in mine.text


def test_the_header_of_an_ordinary_key_changes_nothing_and_is_logged_once(world: World) -> None:
    user = world.user(tokens=100_000)
    for _ in range(3):
        assert ask(world, user.key, {ID: "victim-of-headers", EMAIL: "victim@example.org"}).status_code == 200
    assert [row["charge"] for row in user.settled(3)] == [140] * 3
    assert accounts(world, "victim-of-headers", "victim@example.org") == {}
    key = hashlib.sha256(user.key.encode()).hexdigest()[:12]
    logged = [line for line in world.proxy.log.splitlines() if "the header is ignored" in line and key in line]
    assert len(logged) == 1


def test_an_ordinary_user_cannot_make_himself_a_trusted_service(world: World) -> None:
    user = world.user(tokens=100_000)
    flag = {"metadata": {"solaris_trusted_service": True}}
    with world.proxy.client(user.key) as own:
        made = own.post("/key/generate", json=flag)
        own.post("/key/update", json={"key": user.key, **flag})
        for nobody in (None, ""):
            own.post("/key/update", json={"key": user.key, "user_id": nobody, **flag})
            own.post("/key/generate", json={"user_id": nobody, **flag})
    keys = {user.key, made.json().get("key", user.key)}
    for key in keys:
        ask(world, key, {ID: "victim", EMAIL: "victim@example.org"})
    until(lambda: len(user.usage()) >= len(keys) and user.held == 0)
    assert accounts(world, "victim", "victim@example.org") == {}
