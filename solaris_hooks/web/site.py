"""The whole web part: the JSON API, the pages of users and those of administrators, as one application to mount."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import FastAPI

from solaris_hooks.credits.requests import CreditRequests
from solaris_hooks.ledger.front_page import FrontPage
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.verifying import Verifier
from solaris_hooks.settings import Settings
from solaris_hooks.web.access import Authenticator
from solaris_hooks.web.admin.assembly import add_admin, door_of
from solaris_hooks.web.admin.services import AdminServices, Breaker, KeysOf
from solaris_hooks.web.api import build_api
from solaris_hooks.web.dependencies import Reporting, Verifying
from solaris_hooks.web.links import StatementLinks
from solaris_hooks.web.pages.opening import open_pages, signing_secrets


@dataclass(frozen=True, slots=True)
class WebSite:
    """What is served.

    Attributes:
        app: see :func:`solaris_hooks.web.api.mount`.
        links: makes links to statements; None where there is nothing to sign them with: then there are no pages.
        requests: how users ask for credits.
    """

    app: FastAPI
    links: StatementLinks | None
    requests: CreditRequests


def build_site(
    books: PostgresLedger,
    authenticator: Authenticator,
    settings: Settings,
    *,
    secrets: Sequence[str] | None = None,
    keys_of: KeysOf | None = None,
    breaker: Breaker | None = None,
) -> WebSite:
    """Put the web part together. Connects to nothing.

    Args:
        books: the ledger.
        authenticator: who checks keys.
        settings: in force.
        secrets: what signs links and seals sessions; None for what settings and the environment say.
        keys_of: tells administrators which virtual keys pay from an account.
        breaker: tells them whether requests believe that the books are away.
    """
    requests = CreditRequests(books.requests, limits=settings.credit_requests, packages=settings.credit_packages)
    verifier = Verifier(settings.database_url, books.verifications)
    front_page = FrontPage(books.totals, settings.cost_table)
    api = build_api(
        books,
        authenticator,
        open_accounts=settings.opens_at_sight,
        requests_for_credits=requests,
        campaigns=books.compensation,
        reporting=Reporting(
            front_page,
            books.usage_reports(settings.cost_table),
            settings.default_time_zone,
            settings.alerts.admin_addresses,
            settings.alerts.admin_locale,
        ),
        administration=books,
        verifying=Verifying(verifier, books.verifications),
    )
    signing = signing_secrets(settings) if secrets is None else secrets
    links = open_pages(api, books, settings, signing)
    if links is not None:
        door = door_of(authenticator, books.sessions, settings, signing)
        add_admin(api, door, AdminServices(books, requests, front_page, settings, verifier, keys_of, breaker))
    return WebSite(api, links, requests)
