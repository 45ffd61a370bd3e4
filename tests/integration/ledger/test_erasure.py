"""A person is forgotten, and the books still balance."""

from __future__ import annotations

import json

import psycopg
import pytest
from psycopg import sql

from solaris_hooks.ledger.account_actions import Message
from solaris_hooks.ledger.audit_trail import AuditFilter
from solaris_hooks.ledger.credit_requests import Decision, NewCreditRequest, RequestState
from solaris_hooks.ledger.erasure import Erased, Erasure
from solaris_hooks.ledger.members import LimitChange
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import ERASED, AccountChange, EndUser, EntryKind
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.errors import InvalidRequestError, NotFoundError
from solaris_hooks.quota.ids import AccountId, MemberId, new_hold_id
from tests.refused import refusal

from .world import ANA, BIA, EVA, RUI, TEAM, Clock, World, past_triggers

SECRETS = ("ana@example.org", "Ana Souza", "divorce lawyer", "she was ill")


@pytest.fixture
async def world(postgres_ledger: PostgresLedger, clock: Clock, ledger_url: str) -> World:
    """Ana, of whom much was written down, and Bia."""
    made = World(postgres_ledger, clock)
    ledger = made.ledger
    await made.hold(0, 0)
    await made.hold(0, 0, account_id=BIA)
    change = AccountChange(email=SECRETS[0], name=SECRETS[1], status=Status.SUSPENDED, status_reason=SECRETS[3])
    await ledger.put_account(ANA, change, actor="admin:root", reason=SECRETS[3])
    await ledger.put_account(ANA, AccountChange(status=Status.ACTIVE), actor="admin:root")
    await made.grant(500, account_id=ANA)
    await ledger.actions.send(Message(ANA, SECRETS[2], "admin:root", "m", by_mail=True, reason=SECRETS[3]))
    await ledger.requests.make(NewCreditRequest(new_hold_id(), ANA, 5, SECRETS[2], ANA, open_limit=3, day_limit=3))
    await made.use(40)
    with psycopg.connect(ledger_url) as connection:
        connection.execute(
            "INSERT INTO solaris.refusals (account_id, refusal_id, at, last_at, count, reason, status, message,"
            " call_type, locale, process, waited_ms, figures) VALUES"
            " (%s, gen_random_uuid(), now(), now(), 1, 'inactive', 403, %s, 'acompletion', 'pt_BR', 'p', 0, %s)",
            [ANA, f"Conta suspensa: {SECRETS[3]}", json.dumps({"status_reason": SECRETS[3], "plan": "default"})],
        )
    return made


def erasures(world: World) -> PostgresLedger:
    assert isinstance(world.ledger, PostgresLedger)
    return world.ledger


async def erase(world: World, account_id: AccountId = ANA, confirm: str | None = None) -> Erased:
    order = Erasure(account_id, account_id if confirm is None else confirm, "request 12", "admin:dpo")
    return await erasures(world).erasures.erase(order)


def found(url: str, words: str) -> list[str]:
    """Tables of the schema in which some words are."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'solaris' AND tablename NOT LIKE 'usage%'"
        ).fetchall()
        return [
            name
            for (name,) in tables
            if connection.execute(
                sql.SQL("SELECT count(*) FROM solaris.{} AS each WHERE position(%s IN each::text) > 0").format(
                    sql.Identifier(name)
                ),
                [words],
            ).fetchone()
            != (0,)
        ]


async def test_nothing_is_left_of_the_person_and_the_books_balance(world: World, ledger_url: str) -> None:
    assert [each for each in SECRETS if found(ledger_url, each)] == list(SECRETS)
    before = (await world.account()).balance

    erased = await erase(world)

    assert (erased.clear_reasons, erased.id_names_person) == (0, False)
    assert erased.entry_texts == 1
    assert {each: found(ledger_url, each) for each in SECRETS} == {each: [] for each in SECRETS}
    account = await world.account()
    assert (account.email, account.name, account.balance.status, account.balance.status_reason) == (
        None,
        None,
        Status.BLOCKED,
        None,
    )
    assert account.balance.remaining == before.remaining
    assert (await world.last(EntryKind.CREDIT)).reason == ERASED
    assert (await world.ledger.verify()).flaws == ()
    (request,) = await world.ledger.requests.find(account_id=ANA)
    assert (request.state, request.reason) == (RequestState.CANCELLED, ERASED)
    assert await world.ledger.take_notices(ANA) in ([], ())


async def test_an_erasure_is_audited_without_what_it_erased(world: World) -> None:
    await erase(world)
    (record,) = await world.ledger.trail.records(AuditFilter(action="account.erase"))
    assert (record.actor, record.reason, record.before) == ("admin:dpo", "request 12", None)
    changes = await world.ledger.trail.records(AuditFilter(account_id=ANA, action="account.change"))
    assert {(each.actor, each.reason) for each in changes if each.reason} == {("admin:root", ERASED)}
    assert changes[-1].after is not None
    assert changes[-1].after["email"] == ERASED


async def test_the_trail_can_be_changed_by_nothing_else(world: World, ledger_url: str) -> None:
    with psycopg.connect(ledger_url) as connection, pytest.raises(psycopg.Error, match="append-only"):
        connection.execute("UPDATE solaris.audit SET reason = 'x' WHERE account_id = %s", [ANA])
    with psycopg.connect(ledger_url) as connection:
        connection.execute("SELECT set_config('solaris.erasing', %s, true)", [ANA])
        with pytest.raises(psycopg.Error, match="append-only"):
            connection.execute("UPDATE solaris.audit SET actor = 'x' WHERE account_id = %s", [ANA])


async def test_nothing_is_learned_of_the_person_again_while_the_account_is_out_of_use(world: World) -> None:
    await erase(world)
    await world.hold(1, email=SECRETS[0])
    assert (await world.account()).email is None
    email_only = AccountChange(email=SECRETS[0])
    assert (await world.ledger.put_account(ANA, email_only, actor="system")).email is None
    back = AccountChange(status=Status.ACTIVE, email=SECRETS[0])
    assert (await world.ledger.put_account(ANA, back, actor="admin:root")).email == SECRETS[0]


async def test_an_erased_account_goes_to_nobody_who_comes_with_its_address(world: World) -> None:
    by_email = AccountId("end_user:ana@example.org")
    await world.hold(0, 0, account_id=by_email)
    assert (await erase(world, by_email)).id_names_person is True
    asked = EndUser(AccountId("end_user:9"), by_email)
    assert await world.ledger.account_of_end_user(asked, create=True) == asked.account_id


async def test_it_needs_the_id_once_more(world: World) -> None:
    with pytest.raises(InvalidRequestError):
        await erase(world, confirm="user:an")
    with pytest.raises(NotFoundError):
        await erase(world, AccountId("user:none"))


async def test_a_reason_that_was_changed_is_found_out_and_one_that_was_erased_is_not(
    world: World, ledger_url: str
) -> None:
    await world.grant(5, account_id=BIA)
    with psycopg.connect(ledger_url) as connection:
        connection.execute("UPDATE solaris.entry_texts SET said = 'another reason' WHERE account_id = %s", [BIA])
    (flaw,) = (await world.ledger.verify()).flaws
    assert (flaw.account_id, flaw.message) == (BIA, f"the reason of entry {flaw.entry} was changed")
    assert (await world.ledger.verify(ANA)).flaws == ()
    await erase(world, BIA)
    assert (await world.ledger.verify()).flaws == ()


async def test_reasons_from_before_stay_in_the_chain(world: World, superuser_url: str) -> None:
    assert (await world.last(EntryKind.CREDIT)).reason != ERASED
    with past_triggers(superuser_url) as connection:
        connection.execute("UPDATE solaris.entries SET reason = 'in words' WHERE kind = 'credit'")
    assert (await erase(world)).clear_reasons == 1


RUIS = ("rui@example.org", "for his illness", "a friend said", "suspended since Rui", "rui has left")
"""What is written about Rui, and by him: address, request, answer, refusal, reason of his limit."""


@pytest.fixture
async def team(world: World) -> World:
    """A team of Rui, of whom much was written down, and Eva."""
    ledger = erasures(world)
    await ledger.put_account(TEAM, AccountChange(email="team@example.org"), actor="admin:root")
    await world.hold(1, 0, account_id=TEAM, member_id=RUI, email=RUIS[0])
    await world.hold(1, 0, account_id=TEAM, member_id=EVA, email="eva@example.org")
    await ledger.members.put_limit(LimitChange(TEAM, "admin:root", RUI, 500, reason=RUIS[4]))
    for member, words in ((RUI, RUIS[1]), (RUI, RUIS[1]), (EVA, "eva asks")):
        new = NewCreditRequest(new_hold_id(), TEAM, 5, words, member, open_limit=9, day_limit=9)
        await ledger.requests.make(new)
    first = (await ledger.requests.find(account_id=TEAM, requested_by=RUI))[0]
    await ledger.requests.decide(Decision(first.request_id, RequestState.APPROVED, "admin:root", reason=RUIS[2]))
    await ledger.refusals.write(
        [
            refusal(account_id=TEAM, member_id=RUI, message=RUIS[3]),
            refusal(account_id=TEAM, member_id=EVA, message="eva was told"),
        ]
    )
    return world


async def forget(world: World, member: MemberId = RUI, confirm: str | None = None) -> Erased:
    order = Erasure(TEAM, member if confirm is None else confirm, "request 12", "admin:dpo", member)
    return await erasures(world).erasures.erase(order)


async def test_nothing_is_left_of_a_member_and_all_of_the_others(team: World, ledger_url: str) -> None:
    others = ("eva@example.org", "eva asks", "eva was told", "team@example.org")
    assert [each for each in RUIS if found(ledger_url, each)] == list(RUIS)
    before = {each: found(ledger_url, each) for each in others}

    erased = await forget(team)

    assert (erased.entry_texts, erased.clear_reasons, erased.id_names_person) == (1, 0, False)
    assert {each: found(ledger_url, each) for each in RUIS} == {each: [] for each in RUIS}
    assert {each: found(ledger_url, each) for each in others} == before
    assert (await team.ledger.verify()).flaws == ()
    asked = await team.ledger.requests.find(account_id=TEAM, requested_by=RUI)
    assert {each.state for each in asked} == {RequestState.APPROVED, RequestState.CANCELLED}
    (waiting,) = await team.ledger.requests.find(account_id=TEAM, requested_by=EVA)
    assert waiting.state is RequestState.REQUESTED
    assert (await team.account(TEAM)).balance.status is Status.ACTIVE
    (record,) = await team.ledger.trail.records(AuditFilter(action="member.erase"))
    assert (record.account_id, record.subject, record.reason) == (TEAM, RUI, "request 12")


async def test_of_a_forgotten_member_nothing_is_learned_until_he_is_let_in_again(team: World) -> None:
    await forget(team)
    refused = await team.hold(1, 1, account_id=TEAM, member_id=RUI, email=RUIS[0])
    assert refused.amount == 0
    assert await email_of(team, RUI) is None
    await team.ledger.members.put_limit(LimitChange(TEAM, "admin:root", RUI, is_own=False, reason="r"))
    await team.hold(1, 1, account_id=TEAM, member_id=RUI, email=RUIS[0])
    assert await email_of(team, RUI) == RUIS[0]


async def test_with_a_team_all_its_members_are_forgotten(team: World, ledger_url: str) -> None:
    await erase(team, TEAM)
    words = (*RUIS, "eva@example.org", "eva asks", "eva was told", "team@example.org")
    assert {each: found(ledger_url, each) for each in words} == {each: [] for each in words}
    await team.hold(1, 1, account_id=TEAM, member_id=EVA, email="eva@example.org")
    await team.hold(1, 1, account_id=TEAM, member_id=MemberId("user:new"), email="new@example.org")
    assert await email_of(team, EVA) is None
    assert found(ledger_url, "new@example.org") == []
    assert (await team.ledger.verify()).flaws == ()


async def test_with_a_person_s_own_account_his_teams_forget_him(team: World, ledger_url: str) -> None:
    own = AccountId(RUI)
    await team.hold(1, 0, account_id=own, email=RUIS[0])
    await erase(team, own)
    assert {each: found(ledger_url, each) for each in RUIS} == {each: [] for each in RUIS}
    assert found(ledger_url, "eva@example.org") == ["members"]
    assert (await team.ledger.verify()).flaws == ()


async def test_a_member_needs_his_id_once_more_and_must_be_known(team: World) -> None:
    with pytest.raises(InvalidRequestError, match="member's id"):
        await forget(team, confirm=TEAM)
    with pytest.raises(NotFoundError):
        await forget(team, MemberId("user:none"))


async def email_of(world: World, member: MemberId) -> str | None:
    known = await world.ledger.members.get(TEAM, member)
    assert known is not None
    return known.email
