"""Which account an end user has whom a trusted service names by a lasting id."""

from __future__ import annotations

import asyncio

from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, EndUser
from solaris_hooks.quota.ids import AccountId

from .world import World

BY_ID = AccountId("end_user:65f0c2a1")
OTHER_ID = AccountId("end_user:77aa01b2")
BY_EMAIL = AccountId("end_user:ana@example.org")
NEW_EMAIL = AccountId("end_user:ana.silva@example.org")


async def found(world: World, named: AccountId, by_email: AccountId | None = None, *, create: bool = True) -> AccountId:
    return await world.ledger.account_of_end_user(EndUser(named, by_email), create=create)


async def test_whoever_is_new_gets_the_account_of_his_id(world: World) -> None:
    assert await found(world, BY_ID, BY_EMAIL) == BY_ID
    await world.hold(account_id=BY_ID)
    assert await found(world, BY_ID, NEW_EMAIL) == BY_ID
    assert await found(world, BY_ID) == BY_ID


async def test_an_account_that_the_e_mail_named_goes_to_the_id_that_comes_with_it(world: World) -> None:
    await world.hold(account_id=BY_EMAIL)
    assert await found(world, BY_ID, BY_EMAIL) == BY_EMAIL


async def test_an_e_mail_that_changes_keeps_the_account(world: World) -> None:
    await world.hold(account_id=BY_EMAIL)
    await found(world, BY_ID, BY_EMAIL)
    assert await found(world, BY_ID, NEW_EMAIL) == BY_EMAIL
    await world.hold(account_id=NEW_EMAIL)
    assert await found(world, BY_ID, NEW_EMAIL) == BY_EMAIL


async def test_an_e_mail_that_another_person_gets_does_not_give_him_the_account(world: World) -> None:
    await world.hold(account_id=BY_EMAIL)
    await found(world, BY_ID, BY_EMAIL)
    assert await found(world, OTHER_ID, BY_EMAIL) == OTHER_ID


async def test_whoever_has_an_account_by_his_id_keeps_it(world: World) -> None:
    await world.hold(account_id=BY_ID)
    await world.hold(account_id=BY_EMAIL)
    assert await found(world, BY_ID, BY_EMAIL) == BY_ID


async def test_what_was_decided_stays_though_an_account_of_the_e_mail_appears(world: World) -> None:
    assert await found(world, BY_ID, BY_EMAIL) == BY_ID
    await world.hold(account_id=BY_EMAIL)
    assert await found(world, BY_ID, BY_EMAIL) == BY_ID


async def test_nothing_is_decided_of_strangers_where_accounts_are_made_by_people(world: World) -> None:
    assert await found(world, BY_ID, BY_EMAIL, create=False) == BY_ID
    await world.ledger.put_account(BY_EMAIL, AccountChange(), actor="admin:root")
    assert await found(world, BY_ID, BY_EMAIL, create=False) == BY_EMAIL


async def test_two_ids_that_come_with_one_e_mail_at_once_do_not_share_its_account(
    postgres_ledger: PostgresLedger,
) -> None:
    await postgres_ledger.put_account(BY_EMAIL, AccountChange(), actor="admin:root")
    ids = [AccountId(f"end_user:{number}") for number in range(20)]
    asked = [EndUser(each, BY_EMAIL) for each in ids for _ in range(3)]
    got = await asyncio.gather(*(postgres_ledger.account_of_end_user(each, create=True) for each in asked))
    assert got.count(BY_EMAIL) in {1, 2, 3}
    again = [await postgres_ledger.account_of_end_user(EndUser(each, BY_EMAIL), create=True) for each in ids]
    assert again.count(BY_EMAIL) == 1
    assert len(set(again)) == len(ids)
