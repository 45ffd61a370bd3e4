"""Chat completions: OpenAI's messages in, choices out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litellm.types.utils import Delta, ModelResponseStream, StreamingChoices

from solaris_hooks.hooks.origin import certain
from solaris_hooks.hooks.reported import field_of, text_of, usage_of
from solaris_hooks.hooks.request_body import Body
from solaris_hooks.hooks.routes.route import Demand, Report
from solaris_hooks.quota.prompt import read_prompt
from solaris_hooks.quota.sizing import read_output_request
from solaris_hooks.quota.usage import Usage


class ChatRoute:
    """``/v1/chat/completions`` and its azure-style twin."""

    call_types = frozenset({"acompletion", "completion"})

    def read(self, body: Body, *, media_tokens: int) -> Demand:
        """See :meth:`Route.read`."""
        return Demand(read_prompt(body, media_tokens=media_tokens), read_output_request(body))

    def write_cap(self, body: Body, demand: Demand, tokens: int) -> None:
        """See :meth:`Route.write_cap`."""
        for field in demand.output.cap_fields or ("max_tokens",):
            body[field] = tokens

    def reader(self) -> ChatReader:
        """See :meth:`Route.reader`."""
        return ChatReader()

    def usage_of(self, answer: object) -> Usage | None:
        """See :meth:`Route.usage_of`."""
        return usage_of(answer)

    def text_of(self, answer: object) -> str:
        """See :meth:`Route.text_of`."""
        return text_of(answer)


class ChatReader:
    """Reads chunks of a chat completion."""

    def __init__(self) -> None:
        """Have seen nothing."""
        # Kept whole and read at the end, where it is needed at all: streams have many chunks, LiteLLM keeps them too.
        self._seen: list[Any] = []
        self._reports: list[Any] = []

    def see(self, chunk: Any) -> None:
        """See :meth:`StreamReader.see`."""
        self._seen.append(chunk)
        if field_of(chunk, "usage") is not None:
            self._reports.append(chunk)

    def added(self, chunk: object) -> str:
        """See :meth:`StreamReader.added`."""
        return text_of(chunk)

    def usage(self, origin: object) -> Report | None:
        """See :meth:`StreamReader.usage`. The last report that can be believed counts."""
        reports = map(usage_of, reversed(self._reports))
        return certain(next((usage for usage in reports if usage is not None), None), origin)

    def text(self) -> str:
        """See :meth:`StreamReader.text`."""
        return "".join(map(text_of, self._seen))

    def last(self) -> object | None:
        """See :meth:`StreamReader.last`."""
        return self._seen[-1] if self._seen else None

    def ending(self) -> Sequence[object]:
        """See :meth:`StreamReader.ending`: each choice that began ends for its length."""
        if not self._seen:
            return ()
        head = self._seen[-1]
        choices = sorted({choice.index for chunk in self._seen for choice in chunk.choices})
        return [
            ModelResponseStream(
                id=head.id,
                created=head.created,
                model=head.model,
                choices=[StreamingChoices(index=index, delta=Delta(), finish_reason="length")],
            )
            for index in choices or [0]
        ]
