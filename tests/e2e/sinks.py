"""Where alerts arrive: an SMTP server and a web server of the tests' own, each in a thread."""

from __future__ import annotations

import email
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from standardwebhooks.webhooks import Webhook

from deploy.local.ports import free_port

LOOPBACK = "127.0.0.1"


@dataclass
class Mailbox:
    """An SMTP server that keeps what it is given."""

    port: int
    mails: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep one mail."""
        del server, session
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 kept"

    def to(self, address: str) -> list[EmailMessage]:
        """What one reader got, without second copies, which have the same id."""
        mails = [mail for mail in self.mails if address in mail["To"]]
        return list({mail["Message-ID"]: mail for mail in mails}.values())


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """Run an SMTP server for as long as the block lasts."""
    box = Mailbox(free_port())
    controller = Controller(box, hostname=LOOPBACK, port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@dataclass
class Hook:
    """A web server that checks what it is sent, as a receiver of webhooks would, and keeps it."""

    url: str
    secret: str
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)

    def kinds(self, account_id: str) -> Counter[str]:
        """How often each kind of event of one account arrived, second copies apart, which have the same id."""
        return Counter(body["type"] for body in self.bodies.values() if body["data"].get("account_id") == account_id)


@contextmanager
def hook(secret: str) -> Iterator[Hook]:
    """Run a receiver of webhooks for as long as the block lasts; a wrong signature gets a 401."""
    port = free_port()
    kept = Hook(f"http://{LOOPBACK}:{port}/hook", secret)

    class Handler(BaseHTTPRequestHandler):
        """Verifies by the library."""

        def do_POST(self) -> None:
            """Take one delivery."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                Webhook(secret).verify(body, {name.lower(): value for name, value in self.headers.items()})
            except Exception:  # noqa: BLE001 - whatever is wrong with it, it is not taken
                self.send_response(401)
            else:
                kept.bodies[self.headers["webhook-id"]] = json.loads(body)
                self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer((LOOPBACK, port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
