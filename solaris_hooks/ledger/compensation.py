"""Compensation in bulk: credits for all accounts that had requests within some time, such as that of an outage."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from uuid_utils.compat import uuid7

from solaris_hooks.ledger.statements import Statements
from solaris_hooks.quota.checks import checked_grant
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.ids import AccountId

BATCH = 100
"""Accounts of one transaction: their requests wait for it, each a few milliseconds at the most."""

MOST_PERCENT = 1000
"""Of what was used: ten times that is generous."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """Who is compensated, and with what.

    Attributes:
        name: the same campaign grants each account once, however often it is run.
        since: first instant of the time within which requests began, UTC.
        until: first instant after it.
        failed_only: only accounts of which a request failed: it used nothing, or nobody knows what. Requests that
            were refused were never held, and are not among them.
        tokens: what each account gets; None where ``percent_of_use`` says it.
        percent_of_use: whole percent of what its requests within that time were charged, rounded up to whole tokens.
        expires_at: when the credits end, UTC; None for never.
    """

    name: str
    since: dt.datetime
    until: dt.datetime
    reason: str
    failed_only: bool = True
    tokens: int | None = None
    percent_of_use: int | None = None
    expires_at: dt.datetime | None = None

    def check(self) -> None:
        """Return if it can be.

        Raises:
            InvalidRequestError: its time, or what it grants, cannot be.
        """
        if self.since >= self.until:
            raise InvalidRequestError('"since" must be before "until".', param="since")
        if (self.tokens is None) == (self.percent_of_use is None):
            raise InvalidRequestError("Say either how many tokens, or what percentage of use.", param="tokens")
        if self.tokens is not None:
            checked_grant(self.tokens)
        if self.percent_of_use is not None and not 1 <= self.percent_of_use <= MOST_PERCENT:
            raise InvalidRequestError(f"A percentage of use is from 1 to {MOST_PERCENT}.", param="percent_of_use")

    @property
    def terms(self) -> dict[str, object]:
        """What must be the same when it is run again."""
        return {
            "since": self.since.astimezone(dt.UTC).isoformat(),
            "until": self.until.astimezone(dt.UTC).isoformat(),
            "failed_only": self.failed_only,
            "tokens": self.tokens,
            "percent_of_use": self.percent_of_use,
            "expires_at": self.expires_at and self.expires_at.astimezone(dt.UTC).isoformat(),
        }


@dataclass(frozen=True, slots=True)
class Affected:
    """An account that had requests within the time.

    Attributes:
        requests: how many the books know.
        failed: how many of them failed.
        charge: booked tokens of all.
        tokens: what it is to get.
    """

    account_id: AccountId
    requests: int
    failed: int
    charge: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Compensated:
    """What was granted now; accounts that the campaign granted before are not among them."""

    accounts: int
    tokens: int


class Compensation:
    """Finds who is to be compensated, and grants it in batches."""

    def __init__(self, statements: Statements, clock: Callable[[], dt.datetime | None]) -> None:
        """Keep what runs statements, and the clock of tests."""
        self._statements = statements
        self._clock = clock

    async def affected(self, campaign: Campaign) -> Sequence[Affected]:
        """Who would get what, in order of id. Changes nothing.

        Raises:
            InvalidRequestError: the campaign cannot be.
        """
        campaign.check()
        rows = await self._statements.all(
            "affected",
            {
                "since": campaign.since,
                "until": campaign.until,
                "failed_only": campaign.failed_only,
                "tokens": campaign.tokens,
                "percent": campaign.percent_of_use,
            },
        )
        return [Affected(**row) for row in rows]

    async def grant(self, campaign: Campaign, everybody: Sequence[Affected], *, actor: str) -> Compensated:
        """Grant everybody what he is to get, once. Whatever stops it, running it again grants the rest.

        Args:
            campaign: of which the name makes it happen once.
            everybody: what :meth:`affected` said.
            actor: who grants it.

        Raises:
            ConflictError: a campaign of this name was begun with other terms.
        """
        await self._statements.all(
            "begin_campaign",
            {
                "campaign": campaign.name,
                "terms": json.dumps(campaign.terms),
                "reason": campaign.reason,
                "actor": actor,
                "now": self._clock(),
            },
        )
        accounts = tokens = 0
        for start in range(0, len(everybody), BATCH):
            batch = everybody[start : start + BATCH]
            row = await self._statements.one(
                "compensate",
                {
                    "campaign": campaign.name,
                    "account_ids": [each.account_id for each in batch],
                    "tokens": [each.tokens for each in batch],
                    "lot_ids": [uuid7() for _ in batch],
                    "expires_at": campaign.expires_at,
                    "reason": campaign.reason,
                    "actor": actor,
                    "now": self._clock(),
                },
            )
            accounts += row["accounts"]
            tokens += row["granted"]
        return Compensated(accounts, tokens)
