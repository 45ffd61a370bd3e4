"""Requests for credits in memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from uuid import UUID

from solaris_hooks.ledger.audit_trail import AuditRecord
from solaris_hooks.ledger.credit_requests import CreditRequest, Decision, NewCreditRequest, RequestOutcome, RequestState
from solaris_hooks.ledger.event import EventKind
from solaris_hooks.ledger.memory.account import MemoryAccount
from solaris_hooks.ledger.memory.credit_lots import Accounts
from solaris_hooks.ledger.records import CreditOrigin, Grant
from solaris_hooks.quota.errors import ConflictError, InvalidRequestError
from solaris_hooks.quota.ids import AccountId, is_team

_DAY = dt.timedelta(hours=24)


_VERBS = {RequestState.APPROVED: "approve", RequestState.REJECTED: "reject", RequestState.CANCELLED: "cancel"}


class MemoryRequestBook:
    """Keeps the contract of :class:`~solaris_hooks.ledger.credit_requests.RequestBook`."""

    def __init__(self, accounts: Accounts) -> None:
        """Keep the accounts; start without any request."""
        self._accounts = accounts
        self._requests: dict[UUID, CreditRequest] = {}
        self._numbers = count(1)

    async def make(self, new: NewCreditRequest) -> RequestOutcome:
        """Ask for credits."""
        now = self._accounts.now()
        account = self._accounts.current(new.account_id, now)
        if account is None:
            return RequestOutcome.UNKNOWN
        if new.request_id in self._requests:
            return RequestOutcome.REPLAYED
        own = [
            each
            for each in self._requests.values()
            if each.account_id == new.account_id
            and (not is_team(new.account_id) or each.requested_by == new.actor)  # each member asks for himself
        ]
        if sum(each.state is RequestState.REQUESTED for each in own) >= new.open_limit:
            return RequestOutcome.OPEN_LIMIT
        if sum(each.requested_at > now - _DAY for each in own) >= new.day_limit:
            return RequestOutcome.DAY_LIMIT
        request = CreditRequest(
            request_id=new.request_id,
            number=next(self._numbers),
            account_id=new.account_id,
            tokens=new.tokens,
            reason=new.reason,
            package=new.package,
            price=new.price,
            currency=new.currency,
            state=RequestState.REQUESTED,
            requested_at=now,
            requested_by=new.actor,
        )
        self._requests[new.request_id] = request
        account.emit(
            EventKind.CREDIT_REQUESTED,
            f"request:{new.request_id}",
            now,
            request_id=str(new.request_id),
            tokens=new.tokens,
            reason=new.reason,
            package=new.package,
            price=None if new.price is None else str(new.price),
            currency=new.currency,
        )
        self._write("create", request, None, _facts(request), reason=new.reason, actor=new.actor, at=now)
        return RequestOutcome.REQUESTED

    async def decide(self, decision: Decision) -> RequestOutcome:
        """Decide a request, once."""
        request = self._requests.get(decision.request_id)
        if request is None or decision.account_id not in {None, request.account_id}:
            return RequestOutcome.UNKNOWN
        now = self._accounts.now()
        if request.state is not RequestState.REQUESTED:
            same = (
                request.state is decision.state
                and decision.tokens in {None, request.granted_tokens}
                and (decision.tokens is not None or request.granted_tokens in {None, request.tokens})
                and decision.payment in {None, request.payment}
            )
            return RequestOutcome.REPLAYED if same else RequestOutcome.DECIDED
        if decision.payment and any(each.payment == decision.payment for each in self._requests.values()):
            raise ConflictError(f"The payment {decision.payment.payment_id} paid for another request.")
        if decision.expires_at is not None and decision.expires_at <= now:
            raise InvalidRequestError("Credits must expire in the future.", param="expires_at")
        account = self._accounts.current(request.account_id, now)
        assert account is not None  # it has asked
        decided = replace(
            request,
            state=decision.state,
            decided_at=now,
            decided_by=decision.actor,
            decision_reason=decision.reason,
            payment=decision.payment,
        )
        if decision.state is RequestState.APPROVED:
            decided = self._granted(account, decided, decision, now)
        self._requests[request.request_id] = decided
        if decision.state is not RequestState.CANCELLED:
            account.emit(
                EventKind.CREDIT_DECIDED,
                f"decision:{request.request_id}",
                now,
                in_chat=True,
                request_id=str(request.request_id),
                approved=decision.state is RequestState.APPROVED,
                tokens=decided.granted_tokens or request.tokens,
                requested_tokens=request.tokens,
                reason=decision.reason,
            )
        facts = _facts(decided)
        before = {name: value for name, value in _facts(request).items() if facts.get(name) != value}
        after = {name: value for name, value in facts.items() if _facts(request).get(name) != value}
        verb = _VERBS[decision.state]
        self._write(verb, request, before, after, reason=decision.reason, actor=decision.actor, at=now)
        return RequestOutcome(decision.state.value)

    async def get(self, request_id: UUID) -> CreditRequest | None:
        """One request, or None."""
        return self._requests.get(request_id)

    async def find(
        self,
        *,
        account_id: AccountId | None = None,
        state: RequestState | None = None,
        requested_by: str | None = None,
        limit: int = 50,
        before: int | None = None,
    ) -> Sequence[CreditRequest]:
        """Requests, newest first."""
        found = [
            each
            for each in reversed(self._requests.values())
            if account_id in {None, each.account_id}
            and state in {None, each.state}
            and requested_by in {None, each.requested_by}
            and (before is None or each.number < before)
        ]
        return found[:limit]

    def _granted(
        self, account: MemoryAccount, request: CreditRequest, decision: Decision, now: dt.datetime
    ) -> CreditRequest:
        tokens = request.tokens if decision.tokens is None else decision.tokens
        grant = Grant(
            account_id=request.account_id,
            tokens=tokens,
            reason=decision.reason or request.reason,
            actor=decision.actor,
            idempotency_key=f"request:{request.request_id}",
            origin=CreditOrigin.REQUEST if decision.payment is None else CreditOrigin.PURCHASE,
            expires_at=decision.expires_at,
        )
        lot_id = account.credit(grant, now, self._accounts.thresholds(account), in_chat=False)
        return replace(request, granted_tokens=tokens, lot_id=lot_id)

    def _write(
        self,
        verb: str,
        request: CreditRequest,
        before: Mapping[str, object] | None,
        after: Mapping[str, object],
        *,
        reason: str | None,
        actor: str,
        at: dt.datetime,
    ) -> None:
        self._accounts.trail.write(
            AuditRecord(
                0, at, actor, f"request.{verb}", request.account_id, str(request.request_id), before, after, reason
            )
        )


def _facts(request: CreditRequest) -> dict[str, object]:
    """What the audit trail says of a request."""
    payment = request.payment
    facts: dict[str, object] = {
        "state": request.state.value,
        "tokens": request.tokens,
        "package": request.package,
        "granted_tokens": request.granted_tokens,
        "lot_id": None if request.lot_id is None else str(request.lot_id),
        "payment_provider": payment and payment.provider,
        "payment_id": payment and payment.payment_id,
    }
    return {name: value for name, value in facts.items() if value is not None}
