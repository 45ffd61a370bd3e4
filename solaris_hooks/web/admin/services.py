"""What the pages of the admin interface read and change."""

from __future__ import annotations

from dataclasses import dataclass

from solaris_hooks.credits.requests import CreditRequests
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.settings import Settings


@dataclass(frozen=True, slots=True)
class AdminServices:
    """The books and what is built on them.

    Attributes:
        books: the ledger, with its looks over all accounts, which PostgreSQL alone has.
        requests: how requests for credits are decided.
        settings: in force.
    """

    books: PostgresLedger
    requests: CreditRequests
    settings: Settings
