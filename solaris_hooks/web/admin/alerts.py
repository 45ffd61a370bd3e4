"""Alerts: what was sent to whom and what was not, and the events that it tells of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from starlette.responses import Response
from starlette.routing import BaseRoute

from solaris_hooks.alerts.delivery import ChannelName
from solaris_hooks.alerts.preview import Previews
from solaris_hooks.ledger.delivery_records import DeliveryFilter, DeliveryRecord, DeliveryState
from solaris_hooks.quota.errors import ConflictError, InvalidRequestError, NotFoundError
from solaris_hooks.quota.ids import AccountId, account_id
from solaris_hooks.roles import Permission
from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.forms import Fields
from solaris_hooks.web.admin.services import AdminServices
from solaris_hooks.web.admin.visit import Visit, address

PAGE = 25


class AlertPages:
    """``/admin/alerts``."""

    def __init__(self, services: AdminServices) -> None:
        """Keep what the pages read, and what writes messages."""
        self._books = services.books
        self._previews = Previews(services.settings, services.books)

    def routes(self, door: Door) -> Sequence[BaseRoute]:
        """The addresses of this section."""
        return [
            door.get("/alerts", self._deliveries),
            door.get("/alerts/events", self._events),
            door.get("/alerts/{delivery}", self._one),
            door.post("/alerts/{delivery}/resend", self._resend, Permission.SUPPORT),
        ]

    async def _deliveries(self, visit: Visit) -> Response:
        state, channel = visit.choice("state", DeliveryState), visit.choice("channel", ChannelName)
        account, unknown = _account(visit)
        place = _uuid(visit.text("place"))
        found: Sequence[DeliveryRecord] = ()
        if not unknown:
            wanted = DeliveryFilter(account, state, channel.value if channel else None, before=place)
            found = await self._books.deliveries.deliveries(wanted, limit=PAGE + 1)
        filters = {"state": state or "", "channel": channel or "", "account": visit.text("account")}
        return visit.show(
            "_deliveries.html" if visit.partial else "deliveries.html",
            deliveries=found[:PAGE],
            filters=filters,
            here=address("/alerts", filters),
            next_place=found[PAGE - 1].delivery_id if len(found) > PAGE else None,
            paged=place is not None,
            counts=await self._counts(),
        )

    async def _events(self, visit: Visit) -> Response:
        account, unknown = _account(visit)
        place = visit.number("place")
        found = [] if unknown else await self._books.events(account, limit=PAGE + 1, before=place)
        filters = {"account": visit.text("account")}
        return visit.show(
            "_events.html" if visit.partial else "events.html",
            events=found[:PAGE],
            filters=filters,
            here=address("/alerts/events", filters),
            next_place=found[PAGE - 1].number if len(found) > PAGE else None,
            paged=place is not None,
            counts=await self._counts(),
        )

    async def _counts(self) -> Mapping[DeliveryState, int]:
        return await self._books.deliveries.open_counts()

    async def _one(self, visit: Visit) -> Response:
        return await self._show(visit, Fields(visit))

    async def _show(self, visit: Visit, fields: Fields, *, status: int = 200, busy: bool = False) -> Response:
        delivery = await self._existing(visit)
        return visit.show(
            "delivery.html",
            status=status,
            delivery=delivery,
            preview=await self._previews.of(delivery.delivery_id),
            fields=fields,
            busy=busy,
        )

    async def _resend(self, visit: Visit) -> Response:
        fields = Fields(visit)
        reason = fields.text("reason")
        delivery = await self._existing(visit)
        if not fields.ok:
            return await self._show(visit, fields, status=InvalidRequestError.status)
        try:
            await self._books.deliveries.resend(delivery.delivery_id, actor=visit.administrator.actor, reason=reason)
        except ConflictError as exc:
            return await self._show(visit, fields, status=exc.status, busy=True)
        return visit.to(f"/alerts/{delivery.delivery_id}", done="resent")

    async def _existing(self, visit: Visit) -> DeliveryRecord:
        """The delivery that the address names.

        Raises:
            NotFoundError: it names none.
        """
        wanted = _uuid(visit.segment("delivery"))
        found = await self._books.deliveries.delivery(wanted) if wanted is not None else None
        if found is None:
            raise NotFoundError("There is no such delivery.", param="delivery")
        return found


def _account(visit: Visit) -> tuple[AccountId | None, bool]:
    """The account that the address asks for, and whether it asks for one that cannot be."""
    said = visit.text("account")
    try:
        return (account_id(said) if said else None), False
    except InvalidRequestError:
        return None, True


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
