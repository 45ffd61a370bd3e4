"""Routes that are paid by the image, second, character or call."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import BinaryIO

from solaris_hooks.hooks.reported import field_of, items_of
from solaris_hooks.hooks.request_body import Body
from solaris_hooks.hooks.routes.route import NO_OUTPUT, Demand, Report, Route
from solaris_hooks.hooks.routes.whole import WholeOnly, refuse_stream
from solaris_hooks.hooks.sound import seconds_of
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.prompt import Prompt, read_prompt
from solaris_hooks.quota.sizing import MAX_CHOICES, positive
from solaris_hooks.quota.units import Unit, UnitUse
from solaris_hooks.quota.usage import MAX_REPORTED_TOKENS, Usage, reported_usage

DOCUMENTS_OF_A_CALL = 100
"""Reranking is sold by the search of up to 100 documents; more are several."""

BYTES_OF_A_DOCUMENT = 500
"""A document of more than 500 tokens counts as several; a token has at least a byte."""

MAX_SECONDS = 1_000_000
"""No sound that anybody transcribes in one call is longer than eleven days."""

_NO_PROMPT = Prompt((), 0, 0)
_ONE = Decimal(1)


class ImagesRoute(WholeOnly):
    """``/v1/images/generations`` and ``/v1/images/edits``."""

    call_types = frozenset({"image_generation", "aimage_edit"})

    def read(self, body: Body, *, media_tokens: int) -> Demand:
        """See :meth:`Route.read`: images, and the prompt for models that are paid by the token."""
        refuse_stream(body)
        images = positive(body, "n") if body.get("n") is not None else 1
        if images > MAX_CHOICES:
            raise InvalidRequestError(f"n must be at most {MAX_CHOICES}.", param="n")
        given = [each for name in ("image", "mask") for each in _listed(body.get(name))]
        pictures = [{"image_url": ""} for _ in given]
        prompt = read_prompt({"prompt": [body.get("prompt"), *pictures]}, media_tokens=media_tokens)
        return Demand(prompt, NO_OUTPUT, UnitUse({Unit.IMAGE: Decimal(images), Unit.CALL: _ONE}))

    def usage_of(self, answer: object) -> Report | None:
        """See :meth:`Route.usage_of`: tokens where the provider counts them, else the images that came."""
        usage = _token_usage(field_of(answer, "usage"))
        if usage is not None:
            return usage
        images = items_of(answer, "data")
        return UnitUse({Unit.IMAGE: Decimal(len(images)), Unit.CALL: _ONE}) if images else None


class SpeechRoute(WholeOnly):
    """``/v1/audio/speech``."""

    call_types = frozenset({"aspeech"})

    def read(self, body: Body, *, media_tokens: int) -> Demand:
        """See :meth:`Route.read`: the characters to be spoken are known."""
        del media_tokens
        text = body.get("input")
        if not isinstance(text, str):
            raise InvalidRequestError("input must be the text to be spoken.", param="input")
        return Demand(_NO_PROMPT, NO_OUTPUT, UnitUse({Unit.CHARACTER: Decimal(len(text)), Unit.CALL: _ONE}))

    def usage_of(self, answer: object) -> None:
        """See :meth:`Route.usage_of`: sound says nothing of its use, and the characters are known."""


class TranscriptionRoute(WholeOnly):
    """``/v1/audio/transcriptions``."""

    call_types = frozenset({"transcription"})

    def read(self, body: Body, *, media_tokens: int) -> Demand:
        """See :meth:`Route.read`: the seconds that the file can hold, until the provider says how many it did."""
        del media_tokens
        refuse_stream(body)
        file: BinaryIO | None = body.get("file")
        if file is None:
            raise InvalidRequestError("Send the sound as file.", param="file")
        return Demand(_NO_PROMPT, NO_OUTPUT, UnitUse({Unit.SECOND: seconds_of(file), Unit.CALL: _ONE}, exact=False))

    def usage_of(self, answer: object) -> Report | None:
        """See :meth:`Route.usage_of`: tokens where the provider counts them, else seconds where it says them."""
        usage = field_of(answer, "usage")
        tokens = _token_usage(usage)
        if tokens is not None:
            return tokens
        seconds = _seconds(field_of(usage, "seconds"))
        if seconds is None:
            seconds = _seconds(field_of(answer, "duration"))
        return None if seconds is None else UnitUse({Unit.SECOND: seconds, Unit.CALL: _ONE})


class RerankRoute(WholeOnly):
    """``/v1/rerank``."""

    call_types = frozenset({"rerank"})

    def read(self, body: Body, *, media_tokens: int) -> Demand:
        """See :meth:`Route.read`: searches by the number and size of documents, and tokens where those are paid."""
        prompt = read_prompt(
            {"query": body.get("query"), "documents": body.get("documents")}, media_tokens=media_tokens
        )
        sizes = [_size(document) for document in _listed(body.get("documents"))]
        parts = sum(1 + size // BYTES_OF_A_DOCUMENT for size in sizes)
        searches = max(1, -(-parts // DOCUMENTS_OF_A_CALL))
        return Demand(prompt, NO_OUTPUT, UnitUse({Unit.CALL: Decimal(searches)}, exact=searches == 1))

    def usage_of(self, answer: object) -> Report | None:
        """See :meth:`Route.usage_of`: what the provider billed, be it searches or tokens."""
        meta = field_of(answer, "meta")
        billed = field_of(meta, "billed_units")
        searches = field_of(billed, "search_units")
        if isinstance(searches, int | float) and 0 < searches <= MAX_REPORTED_TOKENS:
            return UnitUse({Unit.CALL: Decimal(str(searches))})
        tokens = field_of(meta, "tokens")
        for total in (field_of(tokens, "input_tokens"), field_of(billed, "total_tokens")):
            usage = reported_usage(prompt_tokens=total, completion_tokens=field_of(tokens, "output_tokens") or 0)
            if usage is not None:
                return usage
        return None


class ModerationRoute(WholeOnly):
    """``/v1/moderations``."""

    call_types = frozenset({"moderation"})

    def read(self, body: Body, *, media_tokens: int) -> Demand:
        """See :meth:`Route.read`: one call."""
        del body, media_tokens
        return Demand(_NO_PROMPT, NO_OUTPUT, UnitUse({Unit.CALL: _ONE}))

    def usage_of(self, answer: object) -> None:
        """See :meth:`Route.usage_of`: a call is a call."""


def settled_by_headers(route: Route) -> bool:
    """Whether LiteLLM shows its answers to the hook for headers alone, in time."""
    return isinstance(route, SpeechRoute | TranscriptionRoute)


def _token_usage(usage: object) -> Usage | None:
    """Tokens as image and sound models of OpenAI's report them."""
    if field_of(usage, "input_tokens") is None:
        return None
    return reported_usage(
        prompt_tokens=field_of(usage, "input_tokens"),
        completion_tokens=field_of(usage, "output_tokens") or 0,
        cached_tokens=field_of(field_of(usage, "input_tokens_details"), "cached_tokens"),
    )


def _seconds(value: object) -> Decimal | None:
    """A believable length, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = Decimal(str(value))
    except InvalidOperation:
        return None
    return seconds if seconds.is_finite() and 0 <= seconds <= MAX_SECONDS else None


def _listed(value: object) -> list[object]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _size(document: object) -> int:
    return len(str(document).encode("utf-8", "surrogatepass"))
