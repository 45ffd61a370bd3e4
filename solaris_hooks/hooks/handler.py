"""The class that LiteLLM calls: each hook is a few lines that translate, and none lets an error of ours out.

LiteLLM looks for its hooks on the leaf class alone, so every one of them is defined here.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from litellm.integrations.custom_logger import CustomLogger

from solaris_hooks.hooks import refusals
from solaris_hooks.hooks.at_end import SettledAtEnd
from solaris_hooks.hooks.models import answering_model
from solaris_hooks.hooks.request_body import Body, marked
from solaris_hooks.hooks.routes import settled_by_headers
from solaris_hooks.hooks.stream import settled_at_end

if TYPE_CHECKING:
    from litellm.proxy._types import UserAPIKeyAuth
    from starlette.types import ASGIApp

    from solaris_hooks.hooks.growth import Growth
    from solaris_hooks.hooks.in_flight import InFlight, Request
    from solaris_hooks.hooks.noted_admission import NotedAdmission
    from solaris_hooks.hooks.notices.notices import Notices
    from solaris_hooks.hooks.settlement import Settler
    from solaris_hooks.hooks.upkeep import Upkeep

_LOG = logging.getLogger(__name__)


class SolarisHandler(CustomLogger):
    """LiteLLM's side of the plugin."""

    def __init__(
        self,
        *,
        admission: NotedAdmission,
        settler: Settler,
        in_flight: InFlight,
        growth_of: Callable[[Request], Growth],
        upkeep: Upkeep,
        notices: Notices | None = None,
    ) -> None:
        """Keep the collaborators."""
        super().__init__()
        self._admission = admission
        self._settler = settler
        self._in_flight = in_flight
        self._growth_of = growth_of
        self._upkeep = upkeep
        self._notices = notices

    def settled_at_end(self, app: ASGIApp) -> SettledAtEnd:
        """LiteLLM's router, for answers of which it tells no hook in time."""
        return SettledAtEnd(app, in_flight=self._in_flight, settler=self._settler)

    async def async_pre_call_hook(
        self, user_api_key_dict: UserAPIKeyAuth, cache: object, data: Body, call_type: str
    ) -> Body:
        """Hold tokens for the request, or refuse it. Runs after LiteLLM's own checks of key and budget."""
        self._upkeep.start()
        await self._admission.admit(user_api_key_dict, data, call_type)
        return data

    async def async_post_call_success_hook(self, data: Body, user_api_key_dict: UserAPIKeyAuth, response: Any) -> None:
        """Settle an answer that came in one piece, by the usage in it."""
        request = self._in_flight.find(marked(data))
        if request is None or request.streaming:
            return
        try:
            await self._settler.settle(
                request,
                request.route.usage_of(response),
                model=answering_model(request.model, data, response),
                text=request.route.text_of(response),
            )
            if self._notices is not None and self._notices.whole:
                await self._notices.add_to_whole(request, data, response)
        except Exception:
            _LOG.exception("hold %s could not be settled inline; its lease will end it", request.hold_id)

    def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict: UserAPIKeyAuth, response: AsyncIterator[Any], request_data: Body
    ) -> AsyncGenerator[Any, None]:
        """Pass a stream on and settle at its end, in one generator: every chunk goes through it."""
        request = self._in_flight.find(marked(request_data))
        if request is None:
            return _passed_on(response)
        growth = self._growth_of(request)
        return settled_at_end(request, response, request_data, self._settler, growth, self._notices)

    async def async_post_call_failure_hook(
        self,
        request_data: Body,
        original_exception: Exception,
        user_api_key_dict: UserAPIKeyAuth,
        traceback_str: str | None = None,
    ) -> None:
        """Release the hold of a request that failed for good. A stream that began settles itself."""
        request = self._in_flight.find(marked(request_data))
        if request is None or request.streaming:
            return
        try:
            await self._settler.release(request)
        except Exception:
            _LOG.exception("hold %s could not be released; its lease will end it", request.hold_id)

    async def async_log_success_event(
        self, kwargs: dict[str, Any], response_obj: Any, start_time: object, end_time: object
    ) -> None:
        """Remember the usage, in case that no inline hook settles. This event is lossy and late."""
        request = self._in_flight.find(marked(kwargs.get("litellm_params")))
        if request is not None:
            self._settler.note_report(request, request.route.usage_of(response_obj))

    async def async_post_call_response_headers_hook(
        self,
        data: Body,
        user_api_key_dict: UserAPIKeyAuth,
        response: Any,
        request_headers: dict[str, str] | None = None,
        litellm_call_info: dict[str, Any] | None = None,
    ) -> dict[str, str] | None:
        """The account's figures: after settlement for an answer in one piece, at the hold for a stream.

        Of sound, in or out, LiteLLM tells no other hook in time: it settles here.
        """
        hold_id = marked(data)
        request = self._in_flight.find(hold_id) or self._in_flight.of_this_task(hold_id)
        if request is not None and response is not None and settled_by_headers(request.route):
            await self.async_post_call_success_hook(data, user_api_key_dict, response)
        return refusals.quota_headers(request.balance) if request is not None else None


async def _passed_on(chunks: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
    async for chunk in chunks:
        yield chunk
