"""``solaris deliveries`` over the in-memory ledger."""

from __future__ import annotations

from uuid import UUID

import pytest
from standardwebhooks import Webhook

from solaris_hooks.ledger.delivery_records import DeliveryState
from solaris_hooks.ledger.memory import MemoryLedger
from tests.unit.cli.conftest import Solaris
from tests.unit.web.test_deliveries import delivery

DEAD = str(UUID(int=2))


@pytest.fixture(autouse=True)
def some(ledger: MemoryLedger) -> None:
    made = (delivery(1), delivery(2, DeliveryState.DEAD))
    ledger.deliveries.records = {each.delivery_id: each for each in made}


def test_what_was_given_up_is_listed(solaris: Solaris) -> None:
    done = solaris("deliveries", "list", "--state", "dead")
    assert done.out.splitlines()[0].split()[:3] == ["delivery", "made", "state"]
    assert done.out.count("\n") == 2
    assert all(text in done.out for text in (DEAD, "threshold.crossed", "maria@example.org", "refused"))
    assert [each["id"] for each in solaris("deliveries", "list", "--state", "dead", "--json").json["data"]] == [DEAD]


def test_one_is_shown_and_sent_again(solaris: Solaris) -> None:
    assert "refused" in solaris("deliveries", "show", DEAD).out
    assert solaris("deliveries", "resend", DEAD, "--reason", "corrected", "--json").json["state"] == "pending"
    assert solaris("deliveries", "resend", DEAD, "--reason", "again", "--json").error["code"] == "409"
    assert solaris("deliveries", "show", str(UUID(int=9)), "--json").error["code"] == "404"


def test_a_secret_that_is_made_can_sign(solaris: Solaris) -> None:
    first, second = (solaris("deliveries", "secret").out.strip() for _ in range(2))
    assert first != second
    Webhook(first)
