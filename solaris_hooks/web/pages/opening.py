"""Puts the pages beside the API, with what signs their links and sessions."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

from fastapi import FastAPI
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.settings import Settings
from solaris_hooks.web.links import StatementLinks, Tickets, derived_secret
from solaris_hooks.web.pages.door import OwnDoor
from solaris_hooks.web.pages.downloads import DownloadPages
from solaris_hooks.web.pages.preferences import PreferencePages
from solaris_hooks.web.pages.refusals import RefusalPages
from solaris_hooks.web.pages.services import PageServices
from solaris_hooks.web.pages.sign_in import OwnSigningIn
from solaris_hooks.web.pages.statement import StatementPages
from solaris_hooks.web.seals import Seals

_LOG = logging.getLogger(__name__)

SIGNING = ("LITELLM_SALT_KEY", "LITELLM_MASTER_KEY")
"""Variables of the environment from which what signs links is derived, where no setting says it."""


def signing_secrets(settings: Settings) -> list[str]:
    """What signs links and seals sessions, the newest first; empty where there is nothing to sign with."""
    master = next((found for name in SIGNING if (found := os.environ.get(name))), None)
    return settings.link_secrets or ([derived_secret(master)] if master else [])


def open_pages(
    api: FastAPI, ledger: PostgresLedger, settings: Settings, secrets: Sequence[str]
) -> StatementLinks | None:
    """Add the pages of users to an API that :func:`solaris_hooks.web.api.build_api` has built.

    Args:
        api: the API; the pages do what it does.
        ledger: its books, which also know sessions and links.
        settings: in force.
        secrets: what signs links and seals sessions, the newest first.

    Returns:
        What makes links to them; None where nothing could sign any.
    """
    if not secrets:
        _LOG.warning("there are no pages and no links to statements: set link_secrets")
        return None
    links = Tickets(secrets, "statement", lifetime_seconds=settings.statement_link_seconds)
    door = OwnDoor(
        services=PageServices(api.state.services, ledger, ledger.used_links, ledger.sessions),
        seals=Seals(secrets, "statement"),
        secure=settings.public_url.startswith("https:"),
        locale=settings.default_locale,
        time_zone=settings.default_time_zone,
    )
    add_pages(api, door, links)
    return StatementLinks(links, settings.public_url)


def add_pages(api: FastAPI, door: OwnDoor, links: Tickets) -> None:
    """Put the pages, and what browsers load with them, beside the API."""
    signing_in = OwnSigningIn(door, links)
    statement = StatementPages(door, signing_in)
    for section in (signing_in, statement, RefusalPages(door), PreferencePages(door), DownloadPages(door)):
        api.router.routes += section.routes()
    api.router.routes.append(Mount("/static", StaticFiles(packages=[("solaris_hooks.web", "static")]), name="static"))
