"""What is done with one account: credits, plan, terms of its own, status, a new period, messages, preferences."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from starlette.responses import Response
from starlette.routing import BaseRoute

from solaris_hooks.ledger.account_actions import Message, MessageOutcome, PreferenceChange, Reset
from solaris_hooks.ledger.account_terms import OverrideChange, PlanChange
from solaris_hooks.ledger.credit_lots import Revocation
from solaris_hooks.ledger.records import NOTHING, AccountChange, CreditOrigin, Grant
from solaris_hooks.messages import LOCALES
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.errors import NotFoundError, SolarisError
from solaris_hooks.quota.ids import AccountId, account_id
from solaris_hooks.quota.terms import Field, OverrideValue
from solaris_hooks.roles import Permission
from solaris_hooks.web.action_errors import TooManyMessagesError, UnreachableError
from solaris_hooks.web.admin.account import AccountPages
from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.forms import Fields, Problem
from solaris_hooks.web.admin.services import AdminServices
from solaris_hooks.web.admin.visit import Visit, account_path
from solaris_hooks.web.dependencies import existing

ORIGINS = [each.value for each in CreditOrigin if each is not CreditOrigin.REQUEST]
_WHEN = ("now", "pro_rata", "renewal")
_LONGEST_KEY = 64


class AccountActions:
    """The forms of an account's page."""

    def __init__(self, services: AdminServices, pages: AccountPages) -> None:
        """Keep what is changed, and the page that shows a form again that was refused."""
        self._services = services
        self._pages = pages

    def routes(self, door: Door) -> Sequence[BaseRoute]:
        """The addresses of these forms."""
        of = "/accounts/{account}"
        return [
            door.post(f"{of}/credits", self._grant),
            door.post(f"{of}/lots/{{lot}}/revoke", self._revoke),
            door.post(f"{of}/plan", self._plan),
            door.post(f"{of}/terms", self._terms),
            door.post(f"{of}/status", self._status),
            door.post(f"{of}/reset", self._reset),
            door.post(f"{of}/messages", self._message, Permission.SUPPORT),
            door.post(f"{of}/profile", self._profile, Permission.SUPPORT),
        ]

    async def _grant(self, visit: Visit) -> Response:
        account, fields = _account(visit), Fields(visit)
        found = await existing(self._services.books, account)
        tokens = fields.whole("tokens", least=1)
        reason = fields.text("reason")
        origin = fields.choice("origin", ORIGINS)
        expires_at = fields.end_of_day("expires", time_zone=found.balance.time_zone)
        key = fields.text("key", longest=_LONGEST_KEY)
        if fields.ok and tokens is not None:
            grant = Grant(
                account, tokens, reason, visit.administrator.actor, f"page:{key}", CreditOrigin(origin), expires_at
            )
            try:
                result = await self._services.books.grant_credits(grant)
            except SolarisError as exc:
                fields.refuse(exc)
            else:
                return visit.to(account_path(account), done="again" if result.replayed else "granted")
        return await self._pages.show(visit, fields, opened="credits")

    async def _revoke(self, visit: Visit) -> Response:
        account, fields = _account(visit), Fields(visit)
        reason = fields.text("reason")
        key = fields.text("key", longest=_LONGEST_KEY)
        if not fields.ok:
            return await self._pages.show(visit, fields, opened="lots")
        try:
            lot = UUID(visit.segment("lot"))
        except ValueError as exc:
            raise NotFoundError from exc
        result = await self._services.books.lots.revoke(
            Revocation(account, lot, reason, visit.administrator.actor, f"page:{key}")
        )
        return visit.to(account_path(account), done="revoked" if result.tokens else "nothing_to_revoke")

    async def _plan(self, visit: Visit) -> Response:
        account, fields = _account(visit), Fields(visit)
        plan = fields.text("plan", longest=_LONGEST_KEY)
        when = fields.choice("when", _WHEN)
        reason = fields.text("reason")
        if fields.ok:
            change = PlanChange(
                account,
                plan,
                visit.administrator.actor,
                at_renewal=when == "renewal",
                pro_rata=when == "pro_rata",
                reason=reason,
            )
            try:
                await self._services.books.terms.change_plan(change)
            except SolarisError as exc:
                fields.refuse(exc)
            else:
                return visit.to(account_path(account), done="saved")
        return await self._pages.show(visit, fields, opened="plan")

    async def _terms(self, visit: Visit) -> Response:
        """Set what was filled in; take back what was ticked to be the plan's again."""
        account, fields = _account(visit), Fields(visit)
        found = await existing(self._services.books, account)
        values: dict[Field, OverrideValue] = {}
        for name in (Field.MONTHLY_TOKENS, Field.OVERDRAFT, Field.MAX_IN_FLIGHT):
            said = fields.whole(name.value, required=False, least=1 if name is Field.MAX_IN_FLIGHT else 0)
            if said is not None:
                values[name] = said
        models = fields.text("allowed_models", required=False)
        if models:
            values[Field.ALLOWED_MODELS] = tuple(part.strip() for part in models.split(",") if part.strip())
        clear = [Field(each) for each in visit.texts("clear") if each in set(Field)]
        until = fields.end_of_day("until", time_zone=found.balance.time_zone)
        reason = fields.text("reason")
        if fields.ok:
            change = OverrideChange(account, visit.administrator.actor, reason, values, clear, until)
            try:
                await self._services.books.terms.override(change)
            except SolarisError as exc:
                fields.refuse(exc)
            else:
                return visit.to(account_path(account), done="saved")
        return await self._pages.show(visit, fields, opened="terms")

    async def _status(self, visit: Visit) -> Response:
        account, fields = _account(visit), Fields(visit)
        await existing(self._services.books, account)
        status = fields.choice("status", [each.value for each in Status])
        reason = fields.text("reason")
        told = fields.text("told", required=False)
        if fields.ok:
            unsaid = NOTHING if status == Status.ACTIVE else reason
            change = AccountChange(status=Status(status), status_reason=told or unsaid)
            try:
                await self._services.books.put_account(account, change, actor=visit.administrator.actor, reason=reason)
            except SolarisError as exc:
                fields.refuse(exc)
            else:
                return visit.to(account_path(account), done="saved")
        return await self._pages.show(visit, fields, opened="status")

    async def _reset(self, visit: Visit) -> Response:
        account, fields = _account(visit), Fields(visit)
        reason = fields.text("reason")
        key = fields.text("key", longest=_LONGEST_KEY)
        if fields.ok:
            reset = Reset(account, reason, visit.administrator.actor, f"page:{key}")
            try:
                result = await self._services.books.actions.reset(reset)
            except SolarisError as exc:
                fields.refuse(exc)
            else:
                return visit.to(account_path(account), done="reset" if result.tokens else "nothing_to_reset")
        return await self._pages.show(visit, fields, opened="reset")

    async def _message(self, visit: Visit) -> Response:
        account, fields = _account(visit), Fields(visit)
        text = fields.lines("text")
        chat, mail = (visit.text(name) == "on" for name in ("chat", "mail"))
        if not chat and not mail:
            fields.problems["ways"] = Problem.MISSING
        reason = fields.text("reason", required=False) or None
        key = fields.text("key", longest=_LONGEST_KEY)
        if fields.ok:
            message = Message(account, text, visit.administrator.actor, f"page:{key}", chat, mail, reason)
            try:
                return visit.to(account_path(account), done=await self._sent(message))
            except SolarisError as exc:
                fields.refuse(exc)
        return await self._pages.show(visit, fields, opened="message")

    async def _sent(self, message: Message) -> str:
        """Send a message, and return what the page says then.

        Raises:
            SolarisError: it is not sent.
        """
        result = await self._services.books.actions.send(message)
        if result.outcome is MessageOutcome.LIMITED:
            raise TooManyMessagesError
        if result.outcome is MessageOutcome.UNREACHABLE:
            raise UnreachableError
        return "messaged" if result.outcome is MessageOutcome.SENT else "messaged_before"

    async def _profile(self, visit: Visit) -> Response:
        account, fields = _account(visit), Fields(visit)
        locale = fields.choice("locale", LOCALES)
        mails, notices = (visit.text(name) == "on" for name in ("mails", "chat_notices"))
        reason = fields.text("reason", required=False) or None
        if not fields.ok:
            return await self._pages.show(visit, fields, opened="profile")
        change = PreferenceChange(account, visit.administrator.actor, locale, mails, notices, reason)
        await self._services.books.actions.set_preferences(change)
        return visit.to(account_path(account), done="saved")


def _account(visit: Visit) -> AccountId:
    return account_id(visit.segment("account"))
