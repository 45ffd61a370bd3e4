"""OpenAI's ``POST /v1/audio/speech``, ``/v1/audio/transcriptions`` and ``/v1/audio/translations``."""

import math
import struct
from functools import partial
from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from deploy.simulated_provider import strict_json
from deploy.simulated_provider.answer import plan_answer
from deploy.simulated_provider.directive import Directive
from deploy.simulated_provider.pieces import join
from deploy.simulated_provider.request import FORM, Request, TextRequest
from deploy.simulated_provider.served import NO_TOKENS, Tokens, Units, report

from . import usages
from .format import FAULTS, USAGE, Format, WholeWire

_SAMPLES = b"\0" * 800
_RATE = 8_000
_SILENCE = (
    struct.pack("<4sI4s", b"RIFF", 36 + len(_SAMPLES), b"WAVE")
    + struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, _RATE, _RATE, 1, 8)
    + struct.pack("<4sI", b"data", len(_SAMPLES))
    + _SAMPLES
)
"""A tenth of a second, as WAV."""


class SpeechRequest(Request):
    """The body of ``POST /v1/audio/speech``."""

    directed_field: ClassVar[str] = "input"

    input: str
    voice: Any = None

    @property
    def texts(self) -> list[str]:
        """What is to be said."""
        return [self.input]


class HearingRequest(TextRequest):
    """The form of the two routes that hear; its prompt holds the directive."""

    model_config = FORM

    directed_field: ClassVar[str] = "prompt"

    file: dict[str, Any]
    prompt: str = ""
    response_format: Literal["json", "verbose_json", "text"] = "json"
    language: str = "en"

    @property
    def cap(self) -> None:
        """A transcription has no limit."""
        return

    @property
    def texts(self) -> list[str]:
        """The prompt."""
        return [self.prompt]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.stream:
            message = "stream is not simulated here"
            raise ValueError(message)
        return self


def _speak(request: SpeechRequest, _directive: Directive, _message: str) -> WholeWire:
    return WholeWire(_SILENCE, NO_TOKENS, Units(characters=len(request.input)), "audio/wav")


def _hear(task: str, request: HearingRequest, directive: Directive, message: str) -> WholeWire:
    answer = plan_answer(request, directive, message)
    text = join(answer.pieces).text
    heard = math.ceil(directive.seconds)
    shape = usages.AUDIO if directive.token_usage else usages.seconds(heard)
    usage = report(directive, answer.tokens if directive.token_usage else Tokens(), shape)
    units = Units(seconds=heard)
    if request.response_format == "text":
        return WholeWire(text.encode(), NO_TOKENS, units, "text/plain; charset=utf-8")
    body: dict[str, Any] = {"text": text}
    if request.response_format == "verbose_json":
        body |= {"task": task, "language": request.language, "duration": directive.seconds, "segments": [], "words": []}
    return WholeWire(strict_json.write(body | usage.field()), usage, units)


_HEARD_AS = USAGE | {"completion_tokens", "text", "seconds", "token_usage"}
SPEECH = Format("/v1/audio/speech", SpeechRequest, _speak, FAULTS)
TRANSCRIPTIONS = Format("/v1/audio/transcriptions", HearingRequest, partial(_hear, "transcribe"), _HEARD_AS)
TRANSLATIONS = Format("/v1/audio/translations", HearingRequest, partial(_hear, "translate"), _HEARD_AS)
