"""Puts the pages beside the API, with what signs their links and sessions."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

from fastapi import FastAPI

from solaris_hooks.ledger.port import Books
from solaris_hooks.ledger.used_links import UsedLinks
from solaris_hooks.settings import Settings
from solaris_hooks.web.links import StatementLinks, Tickets, derived_secret
from solaris_hooks.web.pages.statement import StatementPages, add_pages
from solaris_hooks.web.session import SESSION_SECONDS, Sessions

_LOG = logging.getLogger(__name__)

SIGNING = ("LITELLM_SALT_KEY", "LITELLM_MASTER_KEY")
"""Variables of the environment from which what signs links is derived, where no setting says it."""


def signing_secrets(settings: Settings) -> list[str]:
    """What signs links and seals sessions, the newest first; empty where there is nothing to sign with."""
    master = next((found for name in SIGNING if (found := os.environ.get(name))), None)
    return settings.link_secrets or ([derived_secret(master)] if master else [])


def open_pages(
    api: FastAPI, books: Books, used: UsedLinks, settings: Settings, secrets: Sequence[str]
) -> StatementLinks | None:
    """Add the pages of users to the API. Returns what makes links to them; None where nothing could sign any."""
    if not secrets:
        _LOG.warning("there are no pages and no links to statements: set link_secrets")
        return None
    links = Tickets(secrets, "statement", lifetime_seconds=settings.statement_link_seconds)
    sessions = Sessions(
        Tickets(secrets, "session", lifetime_seconds=SESSION_SECONDS),
        secure=settings.public_url.startswith("https:"),
    )
    add_pages(api, StatementPages(books, links, used, sessions, settings.default_locale))
    return StatementLinks(links, settings.public_url)
