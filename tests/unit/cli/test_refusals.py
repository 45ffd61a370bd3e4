"""``solaris refusals`` over the in-memory ledger."""

from __future__ import annotations

import asyncio
import datetime as dt
from uuid import UUID

import pytest

from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.refusal_records import RefusalReason
from tests.refused import AT, holders, refusal
from tests.unit.cli.conftest import Solaris

HELD = refusal(holders=holders(400, 300))
USED_UP = refusal(AT + dt.timedelta(hours=1), reason=RefusalReason.EXHAUSTED, status=402)


@pytest.fixture(autouse=True)
def some(ledger: MemoryLedger) -> None:
    asyncio.run(ledger.refusals.write([HELD, USED_UP]))


def test_refusals_are_listed_with_their_figures(solaris: Solaris) -> None:
    done = solaris("refusals", "list", "--reason", "contended")
    heading, row = done.out.splitlines()
    assert heading.split() == [
        "refusal",
        "at",
        "account",
        "reason",
        "status",
        "times",
        "model",
        "wanted",
        "left",
        "held",
    ]
    assert row.split() == [
        str(HELD.refusal_id), "2026-01-15", "12:00:00Z", "user:ana", "contended", "429", "1", "demo", "1,200", "800",
        "700",
    ]  # fmt: skip
    listed = solaris("refusals", "list", "--since", "2026-01-15T12:30:00Z", "--account", "user:ana", "--json")
    assert [each["id"] for each in listed.json["data"]] == [str(USED_UP.refusal_id)]
    assert f"--before {USED_UP.refusal_id}" in solaris("refusals", "list", "--limit", "1").err
    assert "no such refusals" in solaris("refusals", "list", "--model", "other").out


def test_one_is_explained_in_plain_sentences(solaris: Solaris) -> None:
    told = solaris("refusals", "why", str(HELD.refusal_id)).out
    assert "It wanted up to 1,200 tokens;" in told
    assert "800 tokens were left, of which 700 were held and 100 were free.\n2 running requests together held" in told
    assert "Restavam 800 tokens" in solaris("refusals", "why", str(HELD.refusal_id), "--locale", "pt_BR").out
    assert solaris("refusals", "why", str(HELD.refusal_id), "--json").json["reason"] == "contended"


def test_what_is_not_there_or_not_so_is_told(solaris: Solaris) -> None:
    assert solaris("refusals", "why", str(UUID(int=9)), "--json").error["code"] == "404"
    assert solaris("refusals", "why", str(HELD.refusal_id), "--locale", "fr", "--json").error["param"] == "locale"
    assert solaris("refusals", "list", "--since", "yesterday", "--json").error["param"] == "since"
