"""What is done to accounts, from a shell."""

from __future__ import annotations

import json

from solaris_hooks.ledger.account_actions import MOST_MESSAGES_A_DAY
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.quota.ids import AccountId

from .conftest import Solaris

MARIA = AccountId("user:maria")


def test_a_message_is_sent_and_refused_when_there_were_many(solaris: Solaris, ledger: MemoryLedger) -> None:
    assert solaris("accounts", "set", MARIA).code == 0
    assert solaris("accounts", "message", MARIA, "Olá").out == "It goes in the chat.\n"
    assert solaris("accounts", "message", MARIA, "Olá", "--no-chat", "--mail", "--json").error["type"] == (
        "user_unreachable"
    )
    for _ in range(MOST_MESSAGES_A_DAY - 1):
        solaris("accounts", "message", MARIA, "Olá")
    assert solaris("accounts", "message", MARIA, "Olá", "--json").error["type"] == "too_many_messages"


def test_a_period_is_reset(solaris: Solaris, ledger: MemoryLedger) -> None:
    solaris("accounts", "set", MARIA)
    assert solaris("accounts", "reset", MARIA, "--reason", "r").out.startswith("Nothing was used in this period.\n")
    done = solaris("accounts", "reset", MARIA, "--reason", "r", "--json")
    assert done.json["tokens"] == 0


def test_preferences_are_shown_and_set(solaris: Solaris, ledger: MemoryLedger) -> None:
    solaris("accounts", "set", MARIA)
    assert solaris("accounts", "preferences", MARIA, "--json").json == {
        "locale": "pt_BR",
        "mails": True,
        "chat_notices": True,
    }
    assert "no" in solaris("accounts", "preferences", MARIA, "--no-mails", "--locale", "en").out
    assert solaris("accounts", "preferences", MARIA, "--json").json["locale"] == "en"
    assert solaris("accounts", "preferences", MARIA, "--locale", "de").code == 2


def test_all_that_is_known_is_written_to_stdout(solaris: Solaris, ledger: MemoryLedger) -> None:
    solaris("accounts", "set", MARIA, "--email", "maria@example.org")
    document = json.loads(solaris("accounts", "export", MARIA).out)
    assert (document["account"]["email"], document["complete"]) == ("maria@example.org", True)


def test_a_batch_needs_accounts_or_a_filter(solaris: Solaris, ledger: MemoryLedger) -> None:
    done = solaris("batches", "run", "k", "credits", "--tokens", "5", "--reason", "r", "--json")
    assert (done.code, done.error["param"]) == (2, "accounts")
    assert solaris("batches", "run", "k", "credits", "--account", "user:a", "--reason", "r").code == 2
