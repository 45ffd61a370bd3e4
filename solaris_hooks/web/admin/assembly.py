"""Puts the admin interface together: each section of it is a module with its pages and their addresses."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from solaris_hooks.ledger.sessions import Sessions
from solaris_hooks.settings import Settings
from solaris_hooks.web.access import Authenticator
from solaris_hooks.web.admin.account import AccountPages
from solaris_hooks.web.admin.account_actions import AccountActions
from solaris_hooks.web.admin.account_endings import AccountEndings
from solaris_hooks.web.admin.accounts import AccountsPages
from solaris_hooks.web.admin.alerts import AlertPages
from solaris_hooks.web.admin.audit import AuditPages
from solaris_hooks.web.admin.bulk import BulkPages
from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.health import HealthPages
from solaris_hooks.web.admin.ledger import LedgerPages
from solaris_hooks.web.admin.members import MemberPages
from solaris_hooks.web.admin.overview import OverviewPages
from solaris_hooks.web.admin.plans import PlanPages
from solaris_hooks.web.admin.refusals import RefusalPages
from solaris_hooks.web.admin.report_schedules import ReportScheduleForms
from solaris_hooks.web.admin.reports import ReportPages
from solaris_hooks.web.admin.requests import RequestPages
from solaris_hooks.web.admin.saved_lists import SavedListForms
from solaris_hooks.web.admin.services import AdminServices
from solaris_hooks.web.admin.settings import SettingsPages
from solaris_hooks.web.admin.sign_in import SigningIn
from solaris_hooks.web.admin.undo import UndoForms
from solaris_hooks.web.paths import root_of
from solaris_hooks.web.seals import Seals


def door_of(authenticator: Authenticator, sessions: Sessions, settings: Settings, secrets: Sequence[str]) -> Door:
    """The door that settings describe.

    Args:
        authenticator: who checks keys.
        sessions: which sessions live.
        settings: language and days of pages, and whether the proxy is reached over https.
        secrets: what seals cookies, the newest first.
    """
    return Door(
        authenticator=authenticator,
        sessions=sessions,
        seals=Seals(secrets, "admin"),
        secure=settings.public_url.startswith("https:"),
        locale=settings.default_locale,
        time_zone=settings.default_time_zone,
    )


def add_admin(app: FastAPI, door: Door, services: AdminServices) -> None:
    """Put the pages beside the API."""
    account, accounts = AccountPages(services), AccountsPages(services)
    reports = ReportPages(services)
    sections = (
        OverviewPages(services),
        accounts,
        SavedListForms(services, accounts),
        account,
        AccountActions(services, account),
        AccountEndings(services, account),
        BulkPages(services),
        RequestPages(services),
        MemberPages(services),
        RefusalPages(services),
        AlertPages(services),
        PlanPages(services),
        reports,
        ReportScheduleForms(services, reports),
        AuditPages(services),
        UndoForms(services),
        LedgerPages(services),
        SettingsPages(services),
        HealthPages(services),
    )
    routes: list[BaseRoute] = [
        Route("/admin/", _without_slash, methods=["GET"]),  # LiteLLM's admin UI adds one
        *SigningIn(door).routes(),
    ]
    for section in sections:
        routes += section.routes(door)
    app.router.routes += routes


async def _without_slash(request: Request) -> Response:
    return RedirectResponse(f"{root_of(request)}/admin", 308)
