"""The whole way: from a settlement in the books to a mail in a mail server, parsed back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from email.message import EmailMessage

import pytest

from solaris_hooks.alerts.assembly import build_worker
from solaris_hooks.alerts.chores import digest, report_month
from solaris_hooks.ledger.event import EventKind
from solaris_hooks.settings import Settings
from tests.integration.mail.server import Mailboxes, smtp_server

from .conftest import ADMIN, Alerts

ZONE = "America/Sao_Paulo"


async def work_off(alerts: Alerts, port: int) -> None:
    """Dispatch and deliver what waits, as a worker of the proxy does; what is due by the clock is left out."""
    settings = Settings.model_validate(
        {
            "database_url": alerts.url,
            "litellm_database_url": "",
            "public_url": "https://ia.example.org",
            "alerts": {"admin_addresses": [ADMIN]},
            "mail": {"host": "127.0.0.1", "port": port, "security": "none", "from_address": "solaris@example.org"},
        }
    )
    worker = build_worker(settings, alerts.ledger)
    worker.chores = ()
    await worker.work_off()


def said(messages: Sequence[EmailMessage]) -> list[tuple[str, str]]:
    return [(message["To"].addresses[0].addr_spec, str(message["Subject"])) for message in messages]


def text(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


async def test_a_threshold_becomes_one_mail_with_the_day_on_which_tokens_run_out(alerts: Alerts) -> None:
    boxes = Mailboxes()
    await alerts.use(800)
    with smtp_server(boxes) as port:
        await work_off(alerts, port)
        await work_off(alerts, port)
    assert said(boxes.taken) == [("ana@example.org", "You have used 80% of your tokens")]
    (delivery,) = await alerts.rows()
    assert boxes.taken[0]["Message-ID"] == f"<{delivery.delivery_id}@example.org>"
    assert boxes.taken[0]["To"].addresses[0].display_name == "Ana"
    assert "Hello Ana," in text(boxes.taken[0])
    assert "At this pace, used up on: " in text(boxes.taken[0])
    assert "https://ia.example.org/solaris/me" in text(boxes.taken[0])


async def test_what_waited_while_the_server_was_away_is_one_mail(alerts: Alerts) -> None:
    boxes = Mailboxes()
    for tokens in (800, 150, 50):
        await alerts.use(tokens)
    for _ in range(5):
        await alerts.grant(10_000)
        await alerts.use(9_600)
    with smtp_server(boxes) as port:
        await work_off(alerts, port)
    (message,) = boxes.taken
    assert "Threshold of use reached" in text(message)


async def test_an_address_that_is_refused_for_good_is_told_to_the_administrators(alerts: Alerts) -> None:
    boxes = Mailboxes(answers={"RCPT": "550 5.1.1 no such user"})
    await alerts.use(800)
    with smtp_server(boxes) as port:
        await work_off(alerts, port)
        boxes.answers.clear()
        await work_off(alerts, port)
    assert said(boxes.taken) == [(ADMIN, "Um aviso não pôde ser entregue a ana@example.org")]
    failed = (await alerts.rows())[0]
    assert f"solaris deliveries resend {failed.delivery_id}" in text(boxes.taken[0])


@pytest.mark.parametrize(
    ("now", "made"),
    [
        ("2026-11-23T10:59:00Z", set()),  # 7:59 in São Paulo
        ("2026-11-23T11:03:00Z", {EventKind.REPORT_DIGEST}),
        ("2026-12-01T11:03:00Z", set()),  # a new period began, and the old month has not ended everywhere
        ("2026-12-02T11:03:00Z", {EventKind.REPORT_MONTHLY}),
    ],
)
async def test_reports_are_made_from_the_morning_on(alerts: Alerts, now: str, made: set[EventKind]) -> None:
    at = dt.datetime.fromisoformat("2026-11-23T05:00:00Z")
    alerts.ledger._now = lambda: at
    await alerts.use(950)
    at = dt.datetime.fromisoformat(now)
    for made_by in (digest, report_month) * 2:
        await made_by(alerts.ledger.overview, time_zone=ZONE, hour=8, clock=lambda: at).work()
    told = [each.kind for each in await alerts.ledger.events() if each.kind.value.startswith("report.")]
    assert (set(told), len(told)) == (made, len(made))
