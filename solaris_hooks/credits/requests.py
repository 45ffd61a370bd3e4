"""Asking for credits, and deciding about it: for the API, the pages, the chat's command and the CLI alike."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Sequence
from uuid import UUID, uuid5

from uuid_utils.compat import uuid7

from solaris_hooks.credits.errors import (
    NoReasonError,
    RequestDecidedError,
    TokensOutOfRangeError,
    TooManyOpenRequestsError,
    TooManyRequestsTodayError,
    UnknownPackageError,
)
from solaris_hooks.ledger.credit_requests import (
    CreditRequest,
    Decision,
    NewCreditRequest,
    Payment,
    RequestBook,
    RequestOutcome,
    RequestState,
)
from solaris_hooks.quota.checks import checked_grant
from solaris_hooks.quota.errors import NotFoundError
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.settings import CreditPackage, CreditRequestLimits

LONGEST_REASON = 500
"""Characters of a reason: as in all texts that people send."""

_ONCE = UUID("0b1f7a52-7c3e-4a57-9f3e-2d8f0a1c6e94")
"""Namespace of requests that are made once."""


class CreditRequests:
    """Requests for credits under the limits and with the packages of the settings."""

    def __init__(
        self, book: RequestBook, *, limits: CreditRequestLimits, packages: Sequence[CreditPackage] = ()
    ) -> None:
        """Keep the book (``ledger.requests``), and the settings ``credit_requests`` and ``credit_packages``."""
        self.book = book
        self.packages = tuple(packages)
        self._limits = limits

    @property
    def open_to_users(self) -> bool:
        """Whether anybody may ask at all."""
        return self._limits.open_limit > 0 and self._limits.per_day > 0

    async def request(
        self,
        account_id: AccountId,
        tokens: int | None,
        reason: str,
        *,
        package: str | None = None,
        actor: str,
        once: str | None = None,
    ) -> CreditRequest:
        """Ask for credits. The account must exist; whether it is active does not matter.

        Args:
            account_id: for whom.
            tokens: booked tokens; None takes those of the package.
            reason: why, as the user has written it; control characters and line breaks become blanks.
            package: the name of one of ``packages``, or None for a number of one's own.
            actor: who asks, such as ``user:maria``.
            once: what the account asks with at most one time: asking with it again answers the first request.

        Raises:
            CreditRequestRefusedError: it cannot be asked for; ``said_in(locale)`` is a sentence for the user. One of
                TooManyOpenRequestsError and TooManyRequestsTodayError (status 429), TokensOutOfRangeError,
                UnknownPackageError and NoReasonError (status 400).
            NotFoundError: there is no such account.
            LedgerError: the books cannot be reached.
        """
        offered = self._offered(package, tokens)
        wanted = offered.tokens if offered is not None else (tokens or 0)
        if not 1 <= wanted <= self._limits.max_tokens and offered is None:
            raise TokensOutOfRangeError(self._limits.max_tokens, param="tokens")
        new = NewCreditRequest(
            # The account is a part of it: nobody can name the request of another.
            request_id=uuid7() if once is None else uuid5(_ONCE, f"{account_id} {once}"),
            account_id=account_id,
            tokens=wanted,
            reason=_cleaned(reason),
            actor=actor,
            open_limit=self._limits.open_limit,
            day_limit=self._limits.per_day,
            package=offered.name if offered else None,
            price=offered.price if offered else None,
            currency=offered.currency if offered else None,
        )
        outcome = await self.book.make(new)
        if outcome is RequestOutcome.OPEN_LIMIT:
            raise TooManyOpenRequestsError(self._limits.open_limit)
        if outcome is RequestOutcome.DAY_LIMIT:
            raise TooManyRequestsTodayError(self._limits.per_day)
        if outcome is RequestOutcome.UNKNOWN:
            raise NotFoundError(f'There is no account "{account_id}".', param="account_id")
        return await self.existing(new.request_id)

    async def cancel(self, request_id: UUID, account_id: AccountId, *, actor: str) -> CreditRequest:
        """Withdraw a request of one's own.

        Raises:
            NotFoundError: the account has no such request.
            RequestDecidedError: it was decided before.
        """
        return await self._decided(Decision(request_id, RequestState.CANCELLED, actor, account_id=account_id))

    async def approve(
        self,
        request_id: UUID,
        *,
        actor: str,
        tokens: int | None = None,
        reason: str | None = None,
        expires_at: dt.datetime | None = None,
    ) -> CreditRequest:
        """Grant what was asked for, or another number of tokens, once.

        Raises:
            NotFoundError: there is no such request.
            RequestDecidedError: it was decided otherwise before.
            InvalidRequestError: such credits cannot be granted.
        """
        if tokens is not None:
            checked_grant(tokens)
        decision = Decision(
            request_id, RequestState.APPROVED, actor, reason=reason, tokens=tokens, expires_at=expires_at
        )
        return await self._decided(decision)

    async def reject(self, request_id: UUID, *, actor: str, reason: str) -> CreditRequest:
        """Say no; the user reads the reason.

        Raises:
            NotFoundError: there is no such request.
            RequestDecidedError: it was decided otherwise before.
            NoReasonError: nobody says why.
        """
        return await self._decided(Decision(request_id, RequestState.REJECTED, actor, reason=_cleaned(reason)))

    async def paid(self, request_id: UUID, payment: Payment, *, actor: str) -> CreditRequest:
        """Grant what was paid for, once for each payment, however often its provider says so.

        Raises:
            NotFoundError: there is no such request.
            RequestDecidedError: it was decided before, and not by this payment.
            ConflictError: the payment paid for another request.
        """
        return await self._decided(Decision(request_id, RequestState.APPROVED, actor, payment=payment))

    async def existing(self, request_id: UUID) -> CreditRequest:
        """One request.

        Raises:
            NotFoundError: there is none.
        """
        found = await self.book.get(request_id)
        if found is None:
            raise NotFoundError(f"There is no request {request_id}.", param="request")
        return found

    def _offered(self, name: str | None, tokens: int | None) -> CreditPackage | None:
        if name is None:
            return None
        found = next((each for each in self.packages if each.name == name), None)
        if found is None or tokens not in {None, found.tokens}:
            raise UnknownPackageError(param="package")
        return found

    async def _decided(self, decision: Decision) -> CreditRequest:
        outcome = await self.book.decide(decision)
        if outcome is RequestOutcome.UNKNOWN:
            raise NotFoundError(f"There is no request {decision.request_id}.", param="request")
        found = await self.existing(decision.request_id)
        if outcome is RequestOutcome.DECIDED:
            raise RequestDecidedError(f"This request is {found.state} already; nothing was changed.")
        return found


def _cleaned(reason: str) -> str:
    """A reason on one line, without characters that nobody sees.

    Raises:
        NoReasonError: nothing is left of it, or it is too long.
    """
    seen = "".join(" " if unicodedata.category(each)[0] == "C" else each for each in reason)
    text = " ".join(seen.split())
    if not 1 <= len(text) <= LONGEST_REASON:
        raise NoReasonError(LONGEST_REASON, param="reason")
    return text
