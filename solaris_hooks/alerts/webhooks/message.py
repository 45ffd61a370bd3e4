"""An event in a few words, for administrators in a chat."""

from __future__ import annotations

from dataclasses import dataclass

from solaris_hooks.alerts.delivery import Delivery
from solaris_hooks.messages import translations, whole_number

_MOST_TEXT = 300


@dataclass(frozen=True, slots=True)
class Message:
    """What is said.

    Attributes:
        title: what happened.
        text: whom it is about, and the figures; "" where there are none.
    """

    title: str
    text: str


def message(delivery: Delivery) -> Message:
    """The message of a delivery, in its reader's language."""
    event, locale = delivery.event, delivery.locale
    title = _said(locale, f"event.{event.kind.value}")
    parts = []
    if event.account_id is not None:
        who = f"{delivery.name} ({event.account_id})" if delivery.name else event.account_id
        parts.append(_shortened(who))
    parts += _figures(delivery)
    for name in ("reason", "error"):
        said = event.details.get(name)
        if isinstance(said, str) and said:
            parts.append(_shortened(said))
    return Message(title, "; ".join(parts))


def _figures(delivery: Delivery) -> list[str]:
    details, locale = delivery.event.details, delivery.locale
    found = []
    used, granted, percent = (details.get(name) for name in ("used", "granted", "percent"))
    if isinstance(used, int) and isinstance(granted, int) and isinstance(percent, int):
        found.append(
            _said(
                locale,
                "event.figures",
                used=whole_number(locale, used),
                granted=whole_number(locale, granted),
                percent=whole_number(locale, percent),
            )
        )
    tokens = details.get("tokens")
    if isinstance(tokens, int):
        found.append(_said(locale, "event.tokens", tokens=whole_number(locale, tokens)))
    return found


def _said(locale: str, key: str, **values: str) -> str:
    return str(translations(locale, "webhooks").ugettext(key) % values)


def _shortened(text: str) -> str:
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= _MOST_TEXT else line[: _MOST_TEXT - 1] + "…"
