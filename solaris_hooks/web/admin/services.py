"""What the pages of the admin interface read and change."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from solaris_hooks.credits.requests import CreditRequests
from solaris_hooks.ledger.front_page import FrontPage
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.verifying import Verifier
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.settings import Settings


@dataclass(frozen=True, slots=True)
class LiteLLMKey:
    """A virtual key of an account's user, as LiteLLM lists it.

    Attributes:
        name: its alias, else how it ends.
        blocked: whether LiteLLM refuses it.
    """

    name: str
    blocked: bool
    created_at: dt.datetime | None
    expires_at: dt.datetime | None


KeysOf = Callable[[AccountId], Awaitable[Sequence[LiteLLMKey] | None]]
"""The virtual keys that pay from an account; None where LiteLLM cannot tell."""


class Breaker(Protocol):
    """Whether requests believe that the books are away."""

    @property
    def open(self) -> bool:
        """Whether they do: then no request asks the books."""
        ...

    @property
    def open_for(self) -> float:
        """For how many seconds; 0 where they do not."""
        ...


@dataclass(frozen=True, slots=True)
class AdminServices:
    """The books and what is built on them.

    Attributes:
        books: the ledger, with its looks over all accounts, which PostgreSQL alone has.
        requests: how requests for credits are decided.
        front_page: figures over all accounts.
        settings: in force.
        verifier: starts verifications.
        keys_of: the virtual keys that pay from an account; None where nobody can tell.
        breaker: of this process's requests; None where it has none.
    """

    books: PostgresLedger
    requests: CreditRequests
    front_page: FrontPage
    settings: Settings
    verifier: Verifier
    keys_of: KeysOf | None = None
    breaker: Breaker | None = None
