"""What webhooks say: an event for programs, or a message for a chat."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable

from solaris_hooks.alert_settings import WebhookFormat
from solaris_hooks.alerts.delivery import Delivery
from solaris_hooks.alerts.webhooks.message import Message, message


def body(form: WebhookFormat, delivery: Delivery) -> str:
    """The body of a request, JSON."""
    return json.dumps(_BODIES[form](delivery), ensure_ascii=False, separators=(",", ":"))


def _standard(delivery: Delivery) -> dict[str, object]:
    event = delivery.event
    return {
        "type": event.kind.value,
        "timestamp": _instant(event.at),
        "data": {
            **event.details,
            "event_id": str(event.event_id),
            "account_id": event.account_id,
            "name": delivery.name,
        },
    }


def _slack(delivery: Delivery) -> dict[str, object]:
    said = message(delivery)
    lines = [f"*{_slack_text(said.title)}*", _slack_text(said.text)]
    return {"text": "\n".join(line for line in lines if line)}


def _slack_text(text: str) -> str:
    """Text in which nobody's name or reason becomes a link or calls a channel's people."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _teams(delivery: Delivery) -> dict[str, object]:
    said = message(delivery)
    return {
        "type": "message",
        "attachments": [
            {
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": None,
                "content": {
                    "type": "AdaptiveCard",
                    "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                    "version": "1.4",
                    "body": [_teams_block(said), *_teams_facts(said)],
                },
            }
        ],
    }


def _teams_block(said: Message) -> dict[str, object]:
    # Runs of text are shown as they are; a plain text block would read Markdown.
    return {
        "type": "RichTextBlock",
        "inlines": [{"type": "TextRun", "text": said.title, "weight": "bolder"}],
    }


def _teams_facts(said: Message) -> list[dict[str, object]]:
    if not said.text:
        return []
    return [{"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": said.text}]}]


def _instant(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


_BODIES: dict[WebhookFormat, Callable[[Delivery], dict[str, object]]] = {
    WebhookFormat.STANDARD: _standard,
    WebhookFormat.SLACK: _slack,
    WebhookFormat.TEAMS: _teams,
}
