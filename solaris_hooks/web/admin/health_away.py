"""Health while the database is away: what this process knows by itself, for whoever proves to be an administrator."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from solaris_hooks.ledger.journal.adoption import can_be_written, journals
from solaris_hooks.ledger.sessions import WINDOW
from solaris_hooks.ledger.whereabouts import server_of
from solaris_hooks.quota.errors import LedgerError, LedgerUnavailableError, SolarisError
from solaris_hooks.roles import Permission
from solaris_hooks.settings import WhenAway
from solaris_hooks.web.access import (
    AuthenticationUnavailableError,
    ForbiddenError,
    UnauthenticatedError,
)
from solaris_hooks.web.admin.diagnosis import Level, journal_level, worst
from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.services import AdminServices
from solaris_hooks.web.admin.sign_in import MOST_FAILURES
from solaris_hooks.web.admin.versions import versions
from solaris_hooks.web.attempts import Attempts
from solaris_hooks.web.browsers import UnreadableFormError, form_of, from_elsewhere, from_here, source_of
from solaris_hooks.web.pages.rendering import page
from solaris_hooks.web.paths import root_of
from solaris_hooks.web.seals import usable_key

_LOG = logging.getLogger(__name__)

PATIENCE_SECONDS = 3.0
"""How long is waited for a sign of life of the database, and of the mail server."""

_FIELDS = 10


@dataclass(frozen=True, slots=True)
class KnownFacts:
    """What is known without the database.

    Attributes:
        why: the database cannot be reached, in English.
        server: where it should be: host, port and name, without user and password.
        breaker_open: whether requests believe that it is away; None where this process has none.
        breaker_seconds: for how long they do.
        fail_open: whether requests pass by the journal meanwhile.
        journal_writable: whether this process could write its journal.
        journals: files of this machine that are not booked yet.
        journals_aside: files that could not be booked whole.
        mail_server: host and port; empty where none is set.
        mail_answers: whether it can be reached.
        worker_here: whether this proxy sends messages itself.
    """

    why: str
    server: str
    breaker_open: bool | None
    breaker_seconds: float
    fail_open: bool
    journal_writable: bool
    journals: int
    journals_aside: int
    mail_server: str
    mail_answers: bool
    worker_here: bool


class HealthWithoutBooks:
    """``/admin/health`` while the database is away, and the form that proves a key for it."""

    def __init__(self, services: AdminServices, door: Door) -> None:
        """Keep what is looked at, and the door, which knows badges and asks LiteLLM about keys."""
        self._services = services
        self._door = door
        self._attempts = Attempts(seconds=WINDOW.total_seconds())

    def routes(self) -> Sequence[BaseRoute]:
        """The address of the form."""
        return [Route("/admin/health", self._prove, methods=["POST"])]

    async def answer(self, request: Request) -> Response | None:
        """The page, or the form that asks for a key; None where the database can be reached."""
        why = await self._away()
        if why is None:
            return None
        if from_elsewhere(request):
            return self._door.onward(request)
        try:
            known = await self._door.recent_administrator(request)
        except AuthenticationUnavailableError:
            return self._ask(request, "unavailable")
        except SolarisError as exc:
            return self._door.refuse(request, exc)
        return self._ask(request) if known is None else await self._show(request, why, polled=True)

    async def _prove(self, request: Request) -> Response:
        """Answer once to whoever has sent an administrator's key; no session begins."""
        if not from_here(request):
            return self._door.refuse(request, ForbiddenError("This form was sent from another site."))
        why = await self._away()
        if why is None:
            return RedirectResponse(f"{root_of(request)}/admin/health", 303)
        return await self._proved(request, why)

    async def _proved(self, request: Request, why: LedgerError) -> Response:
        source = source_of(request, "health")
        if self._attempts.failures(source) >= MOST_FAILURES:
            return self._ask(request, "often", status=429)
        try:
            await self._administrator(request)
        except AuthenticationUnavailableError:
            return self._ask(request, "unavailable")
        except (UnauthenticatedError, ForbiddenError) as exc:
            failures = self._attempts.failed(source)
            _LOG.warning("a key for the health page was refused (%s), the %d. from %s", exc.code, failures, source)
            return self._ask(request, "refused", status=ForbiddenError.status)
        except UnreadableFormError as exc:
            return self._door.refuse(request, exc)
        return await self._show(request, why, polled=False)

    async def _administrator(self, request: Request) -> None:
        """Return if the form has sent an administrator's key.

        Raises:
            UnreadableFormError: it cannot be read.
            UnauthenticatedError: LiteLLM does not know the key.
            ForbiddenError: it is no administrator's.
            AuthenticationUnavailableError: LiteLLM cannot tell now.
        """
        key = usable_key(str((await form_of(request, most_fields=_FIELDS)).get("key") or ""))
        if key is None:
            raise UnauthenticatedError
        await self._door.authenticator.administrator(request, Permission.READ, key=key)

    async def _away(self) -> LedgerError | None:
        """Why the database cannot be reached; None where it can."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._services.books.ping()
        except LedgerError as exc:
            return exc
        except TimeoutError:
            return LedgerUnavailableError()
        return None

    def _ask(self, request: Request, problem: str = "", *, status: int = LedgerError.status) -> Response:
        return self._page(
            request, "health_key.html", status=status, problem=problem, minutes=int(WINDOW.total_seconds()) // 60
        )

    async def _show(self, request: Request, why: LedgerError, *, polled: bool) -> Response:
        """What is known.

        Args:
            request: who asks.
            why: the database cannot be reached.
            polled: whether the page may ask again by itself: by a cookie alone, for a key is not kept.
        """
        facts = await known_facts(self._services, why)
        found = levels(facts)
        piece = request.headers.get("hx-request") == "true"
        return self._page(
            request,
            "_health_away.html" if piece else "health_away.html",
            status=200,
            facts=facts,
            levels={name: level.value for name, level in found.items()},
            worst=worst([*found.values()]).value,
            versions=versions(),
            checked_at=dt.datetime.now(dt.UTC),
            polled=polled,
        )

    def _page(self, request: Request, template: str, *, status: int, **values: object) -> Response:
        look = self._door.look(request)
        return page(
            f"admin/{template}",
            look.locale,
            status=status,
            time_zone=look.time_zone,
            root=root_of(request),
            theme=look.theme,
            framed=True,
            **values,
        )


async def known_facts(services: AdminServices, why: SolarisError) -> KnownFacts:
    """Look at what can be looked at."""
    settings, breaker = services.settings, services.breaker
    folder, mail = settings.journal_folder, settings.mail
    return KnownFacts(
        why=why.message,
        server=server_of(settings.database_url),
        breaker_open=None if breaker is None else breaker.open,
        breaker_seconds=0.0 if breaker is None else breaker.open_for,
        fail_open=settings.when_database_is_away is WhenAway.FAIL_OPEN,
        journal_writable=await asyncio.to_thread(can_be_written, folder),
        journals=len(await asyncio.to_thread(journals, folder)),
        journals_aside=len(await asyncio.to_thread(lambda: journals(folder, kept=True))),
        mail_server="" if mail is None else f"{mail.host}:{mail.port_number}",
        mail_answers=mail is not None and await _answers(mail.host, mail.port_number),
        worker_here=settings.alerts.worker.value == "in_proxy",
    )


def levels(facts: KnownFacts) -> Mapping[str, Level]:
    """How each thing is, by its name on the page."""
    mail = Level.GOOD if facts.mail_answers else Level.BAD
    return {
        "database": Level.BAD,
        "requests": Level.WARN if facts.fail_open else Level.BAD,
        "journal": journal_level(
            aside=facts.journals_aside,
            waiting=facts.journals,
            writable=facts.journal_writable,
            fail_open=facts.fail_open,
        ),
        "mail": mail if facts.mail_server else Level.OFF,
    }


async def _answers(host: str, port: int) -> bool:
    """Whether a server takes connections. It is told nothing."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
