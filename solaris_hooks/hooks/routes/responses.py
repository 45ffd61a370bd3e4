"""OpenAI's responses: input items in, output items out, and contexts that only the provider knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litellm.types.llms.openai import (
    OutputTextDoneEvent,
    ResponseIncompleteEvent,
    ResponsesAPIResponse,
    ResponsesAPIStreamEvents,
)

from solaris_hooks.hooks.origin import certain
from solaris_hooks.hooks.reported import field_of, items_of, text_or_nothing, usage_of
from solaris_hooks.hooks.request_body import Body
from solaris_hooks.hooks.routes.route import Demand, Report
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.prompt import read_prompt
from solaris_hooks.quota.sizing import OutputRequest, read_output_request
from solaris_hooks.quota.usage import Usage, reported_usage

LEAST_CAP = 16
"""OpenAI takes no smaller ``max_output_tokens``; LiteLLM raises smaller ones to it."""


class ResponsesRoute:
    """``/v1/responses``."""

    call_types = frozenset({"aresponses"})

    def read(self, body: Body, *, media_tokens: int) -> Demand:
        """See :meth:`Route.read`.

        Raises:
            InvalidRequestError: it asks to be answered in the background, of whose use nobody would tell.
        """
        if body.get("background"):
            raise InvalidRequestError(
                "Responses in the background are not metered; ask without background.", param="background"
            )
        asked = read_output_request({**body, "n": None}, ("max_output_tokens",))
        cap = None if asked.cap is None else max(asked.cap, LEAST_CAP)
        output = OutputRequest(cap, 1, asked.cap_fields, least=LEAST_CAP)
        return Demand(read_prompt(body, media_tokens=media_tokens), output)

    def write_cap(self, body: Body, demand: Demand, tokens: int) -> None:
        """See :meth:`Route.write_cap`."""
        del demand
        body["max_output_tokens"] = max(tokens, LEAST_CAP)

    def reader(self) -> ResponsesReader:
        """See :meth:`Route.reader`."""
        return ResponsesReader()

    def usage_of(self, answer: object) -> Usage | None:
        """See :meth:`Route.usage_of`. The success event tells it in the words of chats."""
        return _usage_of(answer)

    def text_of(self, answer: object) -> str:
        """See :meth:`Route.text_of`."""
        return "".join(map(_text_of_item, items_of(answer, "output")))


class ResponsesReader:
    """Reads the events of a streamed response."""

    def __init__(self) -> None:
        """Have seen nothing."""
        self._texts: list[str] = []
        self._response: Any = None
        self._item: tuple[str, int, int] | None = None
        self._item_texts: list[str] = []
        self._last: object = None

    def see(self, chunk: object) -> None:
        """See :meth:`StreamReader.see`."""
        self._last = chunk
        response = field_of(chunk, "response")
        if response is not None:
            self._response = response
        text = self.added(chunk)
        if not text:
            return
        self._texts.append(text)
        if _kind(chunk) == "response.output_text.delta":
            item = (
                str(field_of(chunk, "item_id")),
                _number(field_of(chunk, "output_index")),
                _number(field_of(chunk, "content_index")),
            )
            if item != self._item:
                self._item, self._item_texts = item, []
            self._item_texts.append(text)

    def added(self, chunk: object) -> str:
        """See :meth:`StreamReader.added`: text, reasoning, refusals, and arguments of calls."""
        return text_or_nothing(field_of(chunk, "delta")) if _kind(chunk).endswith(".delta") else ""

    def usage(self, origin: object) -> Report | None:
        """See :meth:`StreamReader.usage`: the last event carries the whole response."""
        return certain(_usage_of(self._response), origin)

    def text(self) -> str:
        """See :meth:`StreamReader.text`."""
        return "".join(self._texts)

    def last(self) -> object | None:
        """See :meth:`StreamReader.last`."""
        return self._last

    def ending(self) -> Sequence[object]:
        """See :meth:`StreamReader.ending`: the text that was being written is done, the response incomplete."""
        if not isinstance(self._response, ResponsesAPIResponse):
            return ()
        number = _number(field_of(self._last, "sequence_number"))
        events: list[object] = []
        output: list[dict[str, object]] = []
        if self._item is not None:
            item_id, output_index, content_index = self._item
            text = "".join(self._item_texts)
            events.append(
                OutputTextDoneEvent.model_validate(
                    {
                        "type": ResponsesAPIStreamEvents.OUTPUT_TEXT_DONE,
                        "item_id": item_id,
                        "output_index": output_index,
                        "content_index": content_index,
                        "text": text,
                        "logprobs": [],
                        "sequence_number": number + 1,
                    }
                )
            )
            content = [{"type": "output_text", "text": text, "annotations": []}]
            output.append(
                {"type": "message", "id": item_id, "role": "assistant", "status": "incomplete", "content": content}
            )
        response = {
            **self._response.model_dump(exclude_none=True),
            "status": "incomplete",
            "incomplete_details": {"reason": "max_output_tokens"},
            "output": output,
        }
        events.append(
            ResponseIncompleteEvent.model_validate(
                {
                    "type": ResponsesAPIStreamEvents.RESPONSE_INCOMPLETE,
                    "response": response,
                    "sequence_number": number + len(events) + 1,
                }
            )
        )
        return events


def _usage_of(answer: object) -> Usage | None:
    usage = field_of(answer, "usage")
    if field_of(usage, "input_tokens") is None:
        return usage_of(answer)
    return reported_usage(
        prompt_tokens=field_of(usage, "input_tokens"),
        completion_tokens=field_of(usage, "output_tokens"),
        cached_tokens=field_of(field_of(usage, "input_tokens_details"), "cached_tokens"),
        reasoning_tokens=field_of(field_of(usage, "output_tokens_details"), "reasoning_tokens"),
    )


def _text_of_item(item: object) -> str:
    parts = [*items_of(item, "content"), *items_of(item, "summary")]
    texts = [text_or_nothing(field_of(part, name)) for part in parts for name in ("text", "refusal")]
    called = [text_or_nothing(field_of(item, name)) for name in ("name", "arguments", "input", "code")]
    return "".join([*texts, *called])


def _kind(event: object) -> str:
    kind = field_of(event, "type")
    return str(getattr(kind, "value", kind))


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
