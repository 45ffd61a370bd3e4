"""Asking for credits in the chat: what the user reads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from solaris_hooks.credits.counter import RequestCounter
from solaris_hooks.credits.requests import CreditRequests
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.records import Account, AccountChange
from solaris_hooks.quota.ids import AccountId, MemberId
from solaris_hooks.quota.share import Share
from solaris_hooks.settings import CreditPackage, CreditRequestLimits

MARIA = AccountId("user:maria")
PACKAGE = CreditPackage.model_validate({"name": "Inicial", "tokens": 500_000, "price": "29.90", "currency": "BRL"})


@pytest.fixture
def requests() -> CreditRequests:
    limits = CreditRequestLimits(open_limit=1, max_tokens=2_000_000)
    return CreditRequests(MemoryLedger().requests, limits=limits, packages=[PACKAGE])


async def account(books: MemoryLedger, locale: str) -> Account:
    return await books.put_account(MARIA, AccountChange(locale=locale), actor="system")


@pytest.mark.parametrize(
    ("locale", "asked", "too_often"),
    [
        (
            "pt_BR",
            "Seu pedido de 200.000 tokens foi enviado ao administrador; a resposta aparece aqui no chat.",
            "Você já tem pedidos de créditos à espera de resposta (limite: 1); aguarde a decisão do administrador.",
        ),
        (
            "en",
            "Your request for 200,000 tokens was sent to the administrator; the answer appears here in the chat.",
            (
                "You already have credit requests waiting for an answer (limit: 1); "
                "please wait for the administrator's decision."
            ),
        ),
    ],
)
async def test_a_user_is_told_what_came_of_asking(locale: str, asked: str, too_often: str) -> None:
    books = MemoryLedger()
    counter = RequestCounter(CreditRequests(books.requests, limits=CreditRequestLimits(open_limit=1)))
    maria = await account(books, locale)
    assert await counter.ask(maria, 200_000, "projeto X") == asked
    assert await counter.ask(maria, 200_000, "projeto X") == too_often
    assert [each.reason for each in await books.requests.find()] == ["projeto X"]


async def test_a_request_of_a_teams_member_is_for_the_team_and_names_him() -> None:
    books = MemoryLedger()
    counter = RequestCounter(CreditRequests(books.requests, limits=CreditRequestLimits()))
    team = await books.put_account(AccountId("team:red"), AccountChange(), actor="system")
    seen = replace(team, balance=replace(team.balance, share=Share(MemberId("user:rui"))))
    await counter.ask(seen, 1000, "x")
    assert [(each.account_id, each.requested_by) for each in await books.requests.find()] == [("team:red", "user:rui")]
    assert await books.requests.find(requested_by="user:eva") == []


async def test_as_many_tokens_as_a_package_has_are_that_package() -> None:
    books = MemoryLedger()
    counter = RequestCounter(CreditRequests(books.requests, limits=CreditRequestLimits(), packages=[PACKAGE]))
    maria = await account(books, "pt_BR")
    await counter.ask(maria, 500_000, "x")
    await counter.ask(maria, 500_001, "x")
    assert [each.package for each in await books.requests.find()] == [None, "Inicial"]


def test_packages_are_offered_with_their_prices(requests: CreditRequests) -> None:
    counter = RequestCounter(requests)
    assert counter.offers("pt_BR") == "Pacotes disponíveis:\n\n- **Inicial**: 500.000 tokens por R$\xa029,90"
    assert counter.offers("en") == "Packages on offer:\n\n- **Inicial**: 500,000 tokens for R$29.90"
    assert RequestCounter(CreditRequests(MemoryLedger().requests, limits=CreditRequestLimits())).offers("en") == ""
