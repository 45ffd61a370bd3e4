"""A month of one user: warned twice, blocked, asks for credits, gets them, and is renewed.

The script is played by ``test_a_month.py`` once, and by the chaos suite while workers are killed. It is written
so that every step can be tried again until the books show that it happened.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from tests.e2e.sinks import Hook, Mailbox
from tests.e2e.world import User, World

GRANTED = 1_000_000
ADDRESS = "ana@example.org"
ADMINISTRATOR = "root@example.org"
PATIENCE_SECONDS = 240.0


SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def settings(mail_port: int, hook_url: str) -> dict[str, object]:
    """A plugin that tells everybody at once."""
    return {
        "public_url": "http://chat.example.org",
        "learn_from_answers": False,
        "hold_lease_seconds": 15,
        "sweep_interval_seconds": 1,
        "mail": {"host": "127.0.0.1", "port": mail_port, "security": "none", "from_address": "quota@example.org"},
        "webhooks": [{"name": "test", "url": hook_url, "secret": SECRET}],
        "alerts": {"admin_addresses": [ADMINISTRATOR], "dispatch_interval_seconds": 0.5, "poll_interval_seconds": 0.5},
    }


@dataclass
class Answer:
    """What the user reads of an answer or a refusal."""

    status: int
    text: str


@dataclass
class Month:
    """One user's month, and everywhere that she is told of it."""

    world: World
    user: User
    mailbox: Mailbox
    hook: Hook
    address: str

    @classmethod
    def begin(cls, world: World, mailbox: Mailbox, hook: Hook, address: str = ADDRESS) -> Month:
        """A user with an address, on a plan of a million tokens."""
        user = world.user(tokens=GRANTED)
        with world.proxy.client() as admin:
            admin.put(
                f"/solaris/api/v1/accounts/{user.account_id}", json={"email": address, "name": "Ana"}
            ).raise_for_status()
        return cls(world, user, mailbox, hook, address)

    def say(self, text: str, *, used: int = 100) -> Answer:
        """One chat turn as LibreChat sends it; the provider's answer uses so many tokens."""
        usage = {"prompt_tokens": used - 20, "completion_tokens": 20, "total_tokens": used}
        content = text if text.startswith("/") else f"{text} #sim {json.dumps({'text': 'Claro!', 'usage': usage})}"
        messages = [{"role": "user", "content": content}]
        with self.user.stream(messages, stream_options={"include_usage": True}) as response:
            if response.status_code != 200:
                answer = Answer(response.status_code, response.read().decode())
                answer.text = json.loads(answer.text)["error"]["message"]
            else:
                answer = Answer(200, "".join(_pieces(response)))
        return answer

    def use_to(self, percent: int) -> Answer:
        """Chat until so many percent are used, by the books; returns the answer that reached it."""
        target = GRANTED * percent // 100

        def reached() -> bool:
            return self.user.used >= target and self.user.held == 0

        last = [Answer(0, "")]  # where every attempt that counted was cut off

        def chat() -> bool:
            # What a killed worker held is booked by another one; asking again meanwhile would use twice as much.
            if self.user.held == 0 and not reached():
                with contextlib.suppress(httpx.HTTPError):
                    last.append(self.say("olá", used=max(100, target - self.user.used)))
            return reached()

        self.eventually(chat)
        return last[-1]

    @staticmethod
    def eventually(condition: Callable[[], object]) -> None:
        """Try until it holds: a proxy may be dying at the moment."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if condition():
                    return
            assert time.monotonic() < deadline, "it did not come true in time"
            time.sleep(0.1)

    def forward_a_month(self) -> None:
        """A month goes by: the account's month is moved into the past, which is the same to everything that looks."""
        self.world.rows(
            "UPDATE solaris.accounts SET period_start = period_start - interval '1 month',"
            " period_end = period_end - interval '1 month' WHERE account_id = %s RETURNING account_id",
            self.user.account_id,
        )

    def mailed(self, count: int) -> bool:
        """Whether the user got so many mails by now."""
        return len(self.mailbox.to(self.address)) >= count

    def require_told(self, *, mails: int, hooks: list[str]) -> None:
        """Wait until all of this has arrived, and see that no more has."""
        self.eventually(lambda: self.mailed(mails))
        self.eventually(lambda: self.hook.kinds(self.user.account_id).total() >= len(hooks))
        assert self.hook.kinds(self.user.account_id) == Counter(hooks)
        assert len(self.mailbox.to(self.address)) == mails, [mail["Subject"] for mail in self.mailbox.to(self.address)]


def _pieces(response: httpx.Response) -> list[str]:
    found = []
    for line in response.iter_lines():
        if line.startswith("data: {"):
            chunk: dict[str, Any] = json.loads(line.removeprefix("data: "))
            found += [choice["delta"].get("content") or "" for choice in chunk.get("choices", [])]
    return found
