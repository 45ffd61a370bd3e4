"""What webhooks say, and that the catalogue of events says the same."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from solaris_hooks.alert_settings import WebhookFormat
from solaris_hooks.alerts.delivery import Audience, ChannelName, Delivery
from solaris_hooks.alerts.webhooks.bodies import body
from solaris_hooks.alerts.webhooks.message import message
from solaris_hooks.ledger.event import Event, EventKind
from solaris_hooks.messages import LOCALES
from solaris_hooks.quota.ids import AccountId

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "webhooks.md"
EXAMPLES = {
    kind: json.loads(example)
    for kind, example in re.findall(
        r"^### `([a-z.]+)`\n.*?```json\n(.*?)```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
}


def delivery(example: dict[str, Any], locale: str = "en") -> Delivery:
    details = dict(example["data"])
    event_id, account, name = (details.pop(each) for each in ("event_id", "account_id", "name"))
    return Delivery(
        delivery_id=UUID(int=5),
        channel=ChannelName.WEBHOOK,
        target="x",
        audience=Audience.ADMINISTRATOR,
        event=Event(
            number=1,
            event_id=UUID(event_id),
            kind=EventKind(example["type"]),
            account_id=AccountId(account) if account else None,
            at=dt.datetime.fromisoformat(example["timestamp"]),
            details=details,
        ),
        locale=locale,
        time_zone="America/Sao_Paulo",
        name=name,
    )


def test_every_kind_of_event_is_in_the_catalogue() -> None:
    assert set(EXAMPLES) == {kind.value for kind in EventKind}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_catalogues_examples_are_what_is_sent(kind: str) -> None:
    assert json.loads(body(WebhookFormat.STANDARD, delivery(EXAMPLES[kind]))) == EXAMPLES[kind]


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", EXAMPLES)
def test_every_kind_of_event_has_words_in_both_languages(kind: str, locale: str) -> None:
    said = message(delivery(EXAMPLES[kind], locale))
    assert not said.title.startswith("event.")
    assert "%(" not in said.text


def test_a_chat_is_told_what_happened_to_whom_and_the_figures() -> None:
    said = message(delivery(EXAMPLES["threshold.crossed"]))
    assert (said.title, said.text) == (
        "An account is near its limit",
        "Ana Souza (user:ana); used 812,400 of 1,000,000 tokens (81%)",
    )
    assert message(delivery(EXAMPLES["credit.requested"], "pt_BR")).text == (
        "Ana Souza (user:ana); usados 1.000.000 de 1.000.000 tokens (100%); 200.000 tokens; project X"
    )


def test_what_people_wrote_is_neither_link_nor_mention() -> None:
    example = json.loads(json.dumps(EXAMPLES["credit.requested"]))
    example["data"] |= {"name": "<!channel>", "reason": "<https://litellm-proxy|click> & *x*\n> quoted"}
    slack = json.loads(body(WebhookFormat.SLACK, delivery(example)))["text"]
    assert "&lt;!channel&gt;" in slack
    assert "<" not in slack
    card = json.loads(body(WebhookFormat.TEAMS, delivery(example)))["attachments"][0]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    # Runs of rich text blocks are shown as they are.
    assert {block["type"] for block in card["content"]["body"]} == {"RichTextBlock"}
