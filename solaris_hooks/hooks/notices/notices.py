"""Takes what the chat has to tell, once, for an answer that has a place for it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from solaris_hooks.hooks.notices.human import read_by_people
from solaris_hooks.hooks.notices.insertion import NORMAL_ENDS, AnswerText, ChatInsertion, Insertion, NoInsertion
from solaris_hooks.hooks.notices.messages import MessagesInsertion
from solaris_hooks.hooks.notices.responses import ResponsesInsertion
from solaris_hooks.hooks.notices.texts import paragraph
from solaris_hooks.hooks.reported import field_of, items_of
from solaris_hooks.hooks.routes.chat import ChatRoute
from solaris_hooks.hooks.routes.messages import MessagesRoute
from solaris_hooks.hooks.routes.responses import ResponsesRoute
from solaris_hooks.ledger.port import Events
from solaris_hooks.quota.errors import SolarisError

if TYPE_CHECKING:
    from solaris_hooks.hooks.in_flight import Request
    from solaris_hooks.ledger.members import MemberBook

_LOG = logging.getLogger(__name__)

_INSERTIONS: Mapping[type, Callable[[], Insertion]] = MappingProxyType(
    {ChatRoute: ChatInsertion, MessagesRoute: MessagesInsertion, ResponsesRoute: ResponsesInsertion}
)


@dataclass(frozen=True, slots=True)
class Notice:
    """A paragraph, and what it tells of: to be given back if nobody reads it.

    Attributes:
        numbers: of events.
        mark: of a member's own limit, percent; None for none.
    """

    text: str
    numbers: Sequence[int]
    mark: int | None = None


class Told(Events, Protocol):
    """What is told is taken from these books."""

    @property
    def members(self) -> MemberBook:
        """What members of teams have used of what they may."""
        ...


class Notices:
    """What is told in the chat."""

    def __init__(self, ledger: Told, *, commands: bool, whole: bool = False) -> None:
        """Keep what decides.

        Args:
            ledger: the books of events.
            commands: whether the chat answers commands.
            whole: whether answers that come in one piece get notices too: programs read most of them.
        """
        self._ledger = ledger
        self._commands = commands
        self.whole = whole

    @staticmethod
    def insertion(request: Request, body: Mapping[str, object]) -> Insertion:
        """The place for a notice in a stream."""
        made = _INSERTIONS.get(type(request.route), NoInsertion)
        return made() if read_by_people(body) else NoInsertion()

    async def take(self, request: Request, *, cut: bool) -> Notice | None:
        """What is to be told with an answer that was just booked; None where that is nothing.

        Args:
            request: settled.
            cut: the answer ends before its time, because the account has no more tokens.
        """
        events = []
        if request.unread_notices:
            try:
                events = list(await self._ledger.take_notices(request.account_id))
            except SolarisError as exc:
                _LOG.warning("notices of %s wait for another answer: %s", request.account_id, exc.message)
        mark = await self._take_mark(request)
        text = paragraph(request.balance, events, cut=cut, commands=self._commands, mark=mark)
        return Notice(text, [event.number for event in events], mark) if text else None

    async def _take_mark(self, request: Request) -> int | None:
        """The mark of his own limit that a member is told of now; None where there is none, or another answer tells."""
        share = request.balance.share
        mark = share.untold if share is not None else None
        if share is None or mark is None:
            return None
        try:
            taken = await self._ledger.members.tell(
                request.account_id, share.member_id, before=share.told_percent, percent=mark
            )
        except SolarisError as exc:
            _LOG.warning("%s is told of his limit with another answer: %s", share.member_id, exc.message)
            return None
        return mark if taken else None

    async def add_to_whole(self, request: Request, body: Mapping[str, object], answer: Any) -> None:
        """Add what there is to tell to a chat completion that came in one piece, if it is one text for people.

        Args:
            request: settled.
            body: of the request.
            answer: LiteLLM's own object, which is changed.
        """
        choices = items_of(answer, "choices")
        if type(request.route) is not ChatRoute or not read_by_people(body) or len(choices) != 1:
            return
        message = field_of(choices[0], "message")
        text = field_of(message, "content")
        called = field_of(message, "tool_calls") or field_of(message, "function_call")
        if called or not isinstance(text, str) or field_of(choices[0], "finish_reason") not in NORMAL_ENDS:
            return
        notice = await self.take(request, cut=False) if request.unbooked is None else None
        if notice is not None:
            so_far = AnswerText()
            so_far.add(text)
            answer.choices[0].message.content = text + so_far.continued(notice.text)

    async def give_back(self, request: Request, notice: Notice) -> None:
        """Let what nobody has read be told with another answer."""
        share = request.balance.share
        try:
            if notice.numbers:
                await self._ledger.give_back_notices(request.account_id, notice.numbers)
            if notice.mark is not None and share is not None:
                await self._ledger.members.tell(
                    request.account_id, share.member_id, before=notice.mark, percent=share.told_percent
                )
        except SolarisError as exc:
            _LOG.warning("notices of %s were not read and are lost: %s", request.account_id, exc.message)
