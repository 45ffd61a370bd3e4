"""The whole story of one user, through the real proxy: each alert once, each block readable, each credit told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.testing import fresh_database, stock_proxy
from tests.e2e.a_month import ADDRESS, ADMINISTRATOR, GRANTED, SECRET, Month, settings
from tests.e2e.sinks import hook, mailbox
from tests.e2e.world import World, until


@pytest.fixture(scope="module")
def month(
    config: dict[str, object], postgres: EmbeddedPostgres, provider_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Month]:
    """A proxy, a mail server and a receiver of webhooks."""
    url = fresh_database(postgres, with_litellm_tables=True)
    folder: Path = tmp_path_factory.mktemp("month")
    with mailbox() as box, hook(SECRET) as receiver:
        told = {**config, "solaris_settings": settings(box.port, receiver.url)}
        with stock_proxy(told, database_url=url, folder=folder, provider_url=provider_url) as proxy:
            yield Month.begin(World(proxy, url, provider_url), box, receiver)


def test_a_month_of_one_user(month: Month) -> None:
    # 79 percent: nobody is told anything.
    answer = month.use_to(79)
    assert answer.text == "Claro!"
    month.require_told(mails=0, hooks=["account.created"])

    # 80 percent: one mail, one webhook, one notice in the answer.
    answer = month.use_to(80)
    assert answer.text.startswith("Claro!")
    assert "80" in answer.text
    answer = month.say("e agora?")
    assert answer.text == "Claro!"
    month.require_told(mails=1, hooks=["account.created", "threshold.crossed"])

    answer = month.use_to(95)
    assert "95" in answer.text
    month.require_told(mails=2, hooks=["account.created", *["threshold.crossed"] * 2])

    # Exhausted: told in the answer that reached it, and refused from then on, in Portuguese, readably.
    month.use_to(100)
    refusal = month.say("mais uma?")
    assert refusal.status == 402
    assert "renova" in refusal.text
    assert len(f"402 {refusal.text}") <= 240
    month.require_told(mails=3, hooks=["account.created", *["threshold.crossed"] * 2, "quota.exhausted"])

    # Commands still answer, and cost nothing.
    used = month.user.used
    balance = month.say("/saldo")
    assert balance.status == 200
    assert "1.000.000" in balance.text
    asked = month.say("/creditos 200000 projeto X")
    assert "200.000" in asked.text
    assert month.user.used == used
    until(lambda: len(month.mailbox.to(ADMINISTRATOR)) == 1)

    # An administrator approves; the user is told, in the chat and by mail, and goes on.
    with month.world.proxy.client() as admin:
        (request,) = admin.get("/solaris/api/v1/requests", params={"state": "requested"}).json()["data"]
        assert (request["tokens"], request["reason"]) == (200_000, "projeto X")
        admin.post(
            f"/solaris/api/v1/requests/{request['id']}/approve", json={"reason": "bom projeto"}
        ).raise_for_status()
    answer = month.say("obrigada!")
    assert answer.status == 200
    assert answer.text.startswith("Claro!")
    assert "200.000" in answer.text

    # The month renews: credits are kept, and a summary says what was used.
    month.forward_a_month()
    answer = month.say("bom dia")
    assert answer.text.startswith("Claro!")
    account = month.user.account
    assert account["allowance_granted"] == GRANTED
    assert account["credits_remaining"] > 0
    until(lambda: month.hook.kinds(month.user.account_id)["period.renewed"] == 1)
    until(lambda: len(month.mailbox.to(ADDRESS)) == 5)
    summary = month.mailbox.to(ADDRESS)[-1]
    assert summary["Auto-Submitted"] == "auto-generated"
