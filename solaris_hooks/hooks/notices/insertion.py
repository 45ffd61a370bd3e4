"""Where in a stream a notice goes: after the last word of the answer, before the answer is said to be over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from litellm.types.utils import Delta, ModelResponseStream, StreamingChoices

from solaris_hooks.hooks.reported import field_of, items_of, text_or_nothing

NORMAL_ENDS = frozenset({"stop", "length"})
_FENCE = "```"


class Insertion(Protocol):
    """Holds back the end of one stream, and writes a paragraph before it."""

    def take(self, chunk: object) -> Sequence[object]:
        """What of a chunk is passed on now."""
        ...

    def held(self) -> Sequence[object]:
        """What was held back, in order; the usage that the provider reports is among it."""
        ...

    def fits(self) -> bool:
        """Whether the answer was text, has ended normally, and so has a place for a paragraph."""
        ...

    def written(self, paragraph: str) -> Sequence[object]:
        """Chunks that add a paragraph to the answer."""
        ...


class AnswerText:
    """The text of an answer so far, as far as its Markdown matters."""

    def __init__(self) -> None:
        """Begin with none."""
        self._pieces: list[str] = []

    def add(self, piece: str) -> None:
        """Take what was added."""
        if piece:
            self._pieces.append(piece)

    def continued(self, paragraph: str) -> str:
        """A paragraph of its own after the text; a block of code that was cut off is closed before it."""
        text = "".join(self._pieces)
        fences = sum(line.lstrip().startswith(_FENCE) for line in text.splitlines())
        closed = f"\n{_FENCE}" if fences % 2 else ""
        return f"{closed}\n\n> {paragraph}" if text else f"> {paragraph}"


class NoInsertion:
    """For streams that no person reads: nothing is held back, and nothing fits."""

    def take(self, chunk: object) -> Sequence[object]:
        """See :meth:`Insertion.take`."""
        return (chunk,)

    def held(self) -> Sequence[object]:
        """See :meth:`Insertion.held`."""
        return ()

    def fits(self) -> bool:
        """See :meth:`Insertion.fits`."""
        return False

    def written(self, paragraph: str) -> Sequence[object]:
        """See :meth:`Insertion.written`."""
        del paragraph
        return ()


class ChatInsertion:
    """Into a chat completion: before the chunk with the reason for its end."""

    def __init__(self) -> None:
        """Have seen nothing."""
        self._held: list[Any] = []
        self._text = AnswerText()
        self._finish: object = None
        self._only_text = True

    def take(self, chunk: object) -> Sequence[object]:
        """See :meth:`Insertion.take`."""
        if self._held:
            self._held.append(chunk)
            return ()
        finish: object = None
        for choice in items_of(chunk, "choices"):
            delta = field_of(choice, "delta")
            self._text.add(text_or_nothing(field_of(delta, "content")))
            if field_of(delta, "tool_calls") or field_of(delta, "function_call") or field_of(delta, "audio"):
                self._only_text = False
            finish = finish or field_of(choice, "finish_reason")
        if not finish:
            return (chunk,)
        self._finish = finish
        return self._split(chunk)

    def held(self) -> Sequence[object]:
        """See :meth:`Insertion.held`."""
        return self._held

    def fits(self) -> bool:
        """See :meth:`Insertion.fits`."""
        return self._only_text and self._finish in NORMAL_ENDS

    def written(self, paragraph: str) -> Sequence[object]:
        """See :meth:`Insertion.written`."""
        head = self._held[0]
        delta = Delta(content=self._text.continued(paragraph))
        return (
            ModelResponseStream(
                id=head.id, created=head.created, model=head.model, choices=[StreamingChoices(index=0, delta=delta)]
            ),
        )

    def _split(self, chunk: Any) -> Sequence[object]:
        """Hold back the end; pass on the last words that came with it."""
        (choice, *others) = chunk.choices
        if others or not field_of(choice.delta, "content"):
            self._held.append(chunk)
            return ()
        words, end = chunk.model_copy(deep=True), chunk.model_copy(deep=True)
        words.choices[0].finish_reason = None
        end.choices[0].delta.content = None
        self._held.append(end)
        return (words,)
