"""What the pages of users read and change, and what lets users in."""

from __future__ import annotations

from dataclasses import dataclass

from solaris_hooks.ledger.sessions import Sessions
from solaris_hooks.ledger.used_links import UsedLinks
from solaris_hooks.web.dependencies import Services
from solaris_hooks.web.export import EventfulBooks


@dataclass(frozen=True, slots=True)
class PageServices:
    """What the API is built on, and what pages need beside it.

    Attributes:
        api: keys and requests for credits: pages do what the API does.
        books: of the API, with what users were told.
        used: which links of the chat were opened.
        sessions: which sessions live, and who failed to begin one.
    """

    api: Services
    books: EventfulBooks
    used: UsedLinks
    sessions: Sessions
