"""Composition root: what ``litellm_config.yaml`` names, made once for each worker process.

.. code-block:: yaml

    litellm_settings:
      callbacks: ["solaris_hooks.plugin.proxy_handler"]

LiteLLM imports this module inside its start, with the event loop running. A wrong setting, or a
database that cannot be reached, stops the start with a message that says what to do.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol
from uuid import UUID

from fastapi import FastAPI, Request
from litellm.proxy._types import UserAPIKeyAuth
from starlette.types import ASGIApp, Scope

from solaris_hooks import __version__
from solaris_hooks.alert_settings import WorkerPlace
from solaris_hooks.alerts.assembly import build_worker
from solaris_hooks.credits.counter import RequestCounter
from solaris_hooks.hooks import tokenizer
from solaris_hooks.hooks.admission import Admission
from solaris_hooks.hooks.answer_lengths import AnswerLengths
from solaris_hooks.hooks.closed_routes import ClosedRoutes
from solaris_hooks.hooks.commands.desk import Desk
from solaris_hooks.hooks.commands.endpoint import AnsweredHere, Asker
from solaris_hooks.hooks.growth import Growth
from solaris_hooks.hooks.guard import Guard
from solaris_hooks.hooks.handler import SolarisHandler
from solaris_hooks.hooks.heap import heap_chores
from solaris_hooks.hooks.identity import is_master_key
from solaris_hooks.hooks.in_flight import InFlight
from solaris_hooks.hooks.models import Models
from solaris_hooks.hooks.noted_admission import NotedAdmission
from solaris_hooks.hooks.notices.notices import Notices
from solaris_hooks.hooks.payers import Payers
from solaris_hooks.hooks.profiles import Profiles
from solaris_hooks.hooks.refusal_log import RefusalLog
from solaris_hooks.hooks.settlement import Settler
from solaris_hooks.hooks.shared_teams import SharedTeams
from solaris_hooks.hooks.team_names import TeamNames
from solaris_hooks.hooks.upkeep import Chore, Upkeep
from solaris_hooks.ledger.checkpoints import read_signing_key
from solaris_hooks.ledger.checkpoints.periodic import PeriodicCheckpoints
from solaris_hooks.ledger.journal.circuit import Circuit
from solaris_hooks.ledger.journal.journal import Journal
from solaris_hooks.ledger.journal.ledger import JournalledLedger
from solaris_hooks.ledger.migrations import books_id, migrate
from solaris_hooks.ledger.port import EndUsers, Teams
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.spend_logs import LiteLLMSpendLogs
from solaris_hooks.ledger.sweep import Sweeper
from solaris_hooks.quota.errors import JournalError, LedgerUnavailableError, SettingsError, SolarisError
from solaris_hooks.roles import Permission
from solaris_hooks.settings import Settings, WhenAway, load_settings
from solaris_hooks.web.access import Holder
from solaris_hooks.web.api import mount
from solaris_hooks.web.auth import LiteLLMAuthenticator, keys_of
from solaris_hooks.web.site import build_site

_LOG = logging.getLogger(__name__)

START_PATIENCE_SECONDS = 15.0
"""How long a start waits for a PostgreSQL that cannot be reached: as long as a restart of it takes."""

SWEEP_BATCH = 100
"""Lost holds that one round ends; the next round takes the next ones."""

EXCHANGE_SECONDS = 60.0
"""How often processes tell each other how long answers get."""

ROLLUP_SECONDS = 4.0
"""How often totals and lists follow the books; the upkeep looks every five seconds."""

HOUR_SECONDS = 3_600.0
DAY_SECONDS = 86_400.0
MONTHS_AHEAD = 2


class Payable(EndUsers, Teams, Protocol):
    """Books that say whose account a request draws from."""


class Parts(NamedTuple):
    """What one worker process is made of.

    No dataclass: LiteLLM may execute this file outside ``sys.modules``, where dataclasses look their module up.
    """

    handler: SolarisHandler
    ledger: PostgresLedger
    upkeep: Upkeep
    log: RefusalLog
    circuit: Circuit


def build(settings: Settings, journal: Journal) -> Parts:
    """Put the parts together. Connects to nothing."""
    ledger = PostgresLedger(
        settings.database_url,
        defaults=settings.new_account,
        pool_max_size=settings.pool_max_size,
        pool_timeout_seconds=settings.pool_timeout_seconds,
        prepare=settings.prepared_statements,
    )
    journalled = JournalledLedger(
        ledger,
        journal,
        fail_open=settings.when_database_is_away is WhenAway.FAIL_OPEN,
        new_account=settings.new_account,
        sweep_policy=settings.sweep_policy.value,
    )
    log = RefusalLog(
        ledger.refusals, keep=dt.timedelta(days=settings.refusals_keep_days), locale=settings.default_locale
    )
    in_flight = InFlight()
    models = Models()
    weights = settings.weight_table
    lengths = AnswerLengths(ledger, margin_percent=settings.estimate_margin_percent, learns=settings.learn_from_answers)
    settler = Settler(
        ledger=journalled,
        in_flight=in_flight,
        weights=weights,
        lengths=lengths,
        prices=settings.price_table,
    )
    upkeep = Upkeep(
        journalled=journalled,
        in_flight=in_flight,
        settler=settler,
        lease_seconds=settings.hold_lease_seconds,
        hold_max_seconds=settings.hold_max_seconds,
        chores=[*_chores(settings, ledger, journalled, lengths), *_of_refusals(log)],
    )
    admission = Admission(
        settings=settings,
        ledger=journalled,
        in_flight=in_flight,
        models=models,
        lengths=lengths,
        settler=settler,
        payers=_payers(settings, journalled, Profiles(ledger)),
    )
    handler = SolarisHandler(
        admission=NotedAdmission(admission, log=log, models=models, locale=settings.default_locale),
        settler=settler,
        in_flight=in_flight,
        growth_of=partial(
            Growth,
            ledger=journalled,
            in_flight=in_flight,
            patience_seconds=settings.hold_wait_seconds,
            lease_seconds=settings.hold_lease_seconds,
            log=log,
        ),
        upkeep=upkeep,
        notices=_notices(settings, ledger),
    )
    return Parts(handler, ledger, upkeep, log, journalled.circuit)


def _of_refusals(log: RefusalLog) -> Sequence[Chore]:
    """What keeps refusals for as long as they are to be kept."""
    return (Chore(0, log.keep_running), Chore(HOUR_SECONDS, log.purge))


def _payers(settings: Settings, books: Payable, profiles: Profiles | None = None) -> Payers:
    return Payers(
        books,
        teams=SharedTeams(books, named=settings.shared_teams),
        team_names=TeamNames(books),
        id_header=settings.end_user_id_header.lower(),
        create=settings.new_account.create,
        profiles=profiles,
    )


def _notices(settings: Settings, ledger: PostgresLedger) -> Notices | None:
    """What is told in the chat; None where nothing is."""
    if not settings.chat_notices:
        return None
    return Notices(ledger, commands=settings.chat_commands, whole=settings.chat_notices_in_whole_answers)


def _chores(
    settings: Settings, ledger: PostgresLedger, journalled: JournalledLedger, lengths: AnswerLengths
) -> Sequence[Chore]:
    """What each worker does beside its own requests."""
    sweeper = Sweeper(
        ledger=ledger,
        spend_logs=LiteLLMSpendLogs(settings.litellm_database_url),
        weights=settings.weight_table,
        policy=settings.sweep_policy.value,
    )

    async def sweep() -> None:
        if not journalled.recovering(settings.sweep_interval_seconds):
            await sweeper.sweep(limit=SWEEP_BATCH)

    chores = [
        Chore(0, journalled.tend),
        Chore(settings.sweep_interval_seconds, sweep),
        Chore(EXCHANGE_SECONDS, lengths.exchange),
        Chore(ROLLUP_SECONDS, partial(ledger.rollup.round, time_zone=settings.default_time_zone)),
        Chore(DAY_SECONDS, partial(ledger.make_usage_partitions, months=MONTHS_AHEAD)),
    ]
    chores += heap_chores(freeze=settings.freeze_heap)
    if settings.alerts.worker is WorkerPlace.IN_PROXY:
        chores.append(Chore(0, build_worker(settings, ledger).keep_running))
    checkpoints = _checkpoints(settings)
    if checkpoints is not None:

        async def look() -> None:
            checkpoints.look()

        chores.append(Chore(0, look))
    return chores


def _checkpoints(settings: Settings) -> PeriodicCheckpoints | None:
    """What takes checkpoints; None where none are wanted. A key that cannot be read stops the start."""
    if not settings.checkpoint_interval_seconds:
        return None
    return PeriodicCheckpoints(
        settings.database_url,
        read_signing_key(settings.checkpoint_key),
        folder=Path(settings.checkpoint_directory),
        interval=dt.timedelta(seconds=settings.checkpoint_interval_seconds),
    )


def open_journal(settings: Settings, books: UUID) -> Journal:
    """This process's journal, tried out.

    Raises:
        SettingsError: it cannot be written, and requests are to pass by it.
    """
    journal = Journal(settings.journal_folder, books)
    try:
        journal.check()
    except JournalError as exc:
        if settings.when_database_is_away is WhenAway.FAIL_OPEN:
            raise SettingsError(f"when_database_is_away is fail_open, but: {exc.message}") from exc
        _LOG.warning("what is used while PostgreSQL is away is kept in memory alone: %s", exc.message)
    return journal


def _config_path() -> Path | None:
    """The file that this proxy was started with."""
    from litellm.proxy import proxy_server  # noqa: PLC0415 - only inside a proxy

    path = proxy_server.user_config_file_path or os.environ.get("CONFIG_FILE_PATH")
    return Path(path) if path else None


def _migrate_when_reachable(settings: Settings) -> None:
    """Bring the schema up to date; wait a little for a PostgreSQL that restarts.

    A worker that fails to start ends gunicorn, and all other workers with it.
    """
    deadline = time.monotonic() + START_PATIENCE_SECONDS
    while True:
        try:
            migrate(settings.database_url)
        except LedgerUnavailableError as exc:
            if time.monotonic() > deadline:
                raise
            _LOG.warning("the start waits for the books: %s", exc.message)
            time.sleep(1.0)
        else:
            return


def start() -> SolarisHandler:
    """Read the settings, bring the schema up to date, and mount the web API on LiteLLM's application."""
    from litellm.proxy.proxy_server import app  # noqa: PLC0415 - only inside a proxy

    settings = load_settings(_config_path())
    _migrate_when_reachable(settings)
    tokenizer.prepare()
    journal = open_journal(settings, books_id(settings.database_url))
    parts = build(settings, journal)
    ledger = parts.ledger
    # What a process that died has left is swept before anybody asks. Without a running loop, the first
    # request starts it.
    with contextlib.suppress(RuntimeError):
        parts.upkeep.start()
    payers = _payers(settings, ledger)

    async def holder_of(auth: UserAPIKeyAuth, request: Request) -> Holder | None:
        """Who has a key, and which account it pays from; none for the master key, unless it is metered."""
        if is_master_key(auth) and not settings.meter_master_key:
            return None
        payer = await payers.payer(auth, request.headers)
        account_id = await payers.moved_to(payer.account_id) or payer.account_id
        return Holder(account_id, auth.user_email, payer.member_id)

    authenticator = LiteLLMAuthenticator(holder_of, settings.admin_roles)
    site = build_site(ledger, authenticator, settings, keys_of=keys_of, breaker=parts.circuit)
    mount(app, site.app)
    desk = Desk(
        books=ledger,
        link_of=site.links.of if site.links is not None else lambda *_whose: None,
        counter=RequestCounter(site.requests),
        open_accounts=settings.opens_at_sight,
        default_locale=settings.default_locale,
    )
    _guard(app, parts, settings, authenticator, desk)
    _LOG.info("solaris_hooks %s is ready", __version__)
    return parts.handler


def _guard(app: FastAPI, parts: Parts, settings: Settings, authenticator: LiteLLMAuthenticator, desk: Desk) -> None:
    """Put the guard in front of LiteLLM's router, once, behind all of LiteLLM's middleware."""

    async def administrator(scope: Scope) -> bool:
        """Whether LiteLLM knows the request's key as an administrator's; of a web socket by its headers."""
        try:
            await authenticator.administrator(_as_http(scope), Permission.CHANGE)
        except SolarisError:
            return False
        return True

    async def payer(scope: Scope) -> Asker | None:
        """Whose key a refused request carries, if anybody's."""
        try:
            holder = await authenticator.holder(_as_http(scope))
        except SolarisError:
            return None
        return Asker(holder.account_id, holder.email, holder.member_id)

    async def asker(scope: Scope) -> Asker:
        """Whose key a chat carries."""
        holder = await authenticator.holder(Request(scope))
        return Asker(holder.account_id, holder.email, holder.member_id)

    inner: ASGIApp = app.router.middleware_stack
    while isinstance(inner, Guard | AnsweredHere):  # this plugin's, loaded before
        inner = inner.app
    app.router.middleware_stack = Guard(
        AnsweredHere(inner, desk=desk, asker=asker, log=parts.log) if settings.chat_commands else inner,
        routes=app.router.routes,
        administrator=administrator,
        at_end=parts.handler.settled_at_end,
        unmetered_routes=settings.unmetered_routes,
        unmetered_call_types=settings.unmetered_call_types,
        closed=ClosedRoutes(locale=settings.default_locale, log=parts.log, payer=payer),
    )


def _as_http(scope: Scope) -> Request:
    """A request whose headers can be looked at; a web socket's, too."""
    return Request({"method": "GET", **scope, "type": "http"})


proxy_handler = start()
"""The instance that LiteLLM calls."""
