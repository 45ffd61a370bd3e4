"""OpenAI's ``POST /v1/embeddings``."""

import base64
import struct
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from deploy.simulated_provider import strict_json
from deploy.simulated_provider.answer import plan_tokens
from deploy.simulated_provider.directive import Directive
from deploy.simulated_provider.request import Request
from deploy.simulated_provider.served import Report, Units, report

from . import usages
from .format import FAULTS, Format
from .inputs import Input, input_ids, input_texts, inputs_of

_DIMENSIONS = 8


class EmbeddingRequest(Request):
    """The body of ``POST /v1/embeddings``."""

    directed_field: ClassVar[str] = "input"

    input: Input
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Field(ge=1, le=4096)] | None = None

    @property
    def texts(self) -> list[str]:
        """Every input that is a text."""
        return input_texts(self.input)

    @property
    def prompt_extras(self) -> int:
        """A token for each token id."""
        return input_ids(self.input)


class EmbeddingWire:
    """The vectors' bytes."""

    media_type = "application/json"
    units = Units()

    def __init__(self, request: EmbeddingRequest, usage: Report) -> None:
        """Answer one request."""
        self._request = request
        self.report = usage

    def whole(self) -> bytes:
        """Write a vector for each input."""
        data = [
            {"object": "embedding", "index": index, "embedding": self._vector(index)}
            for index in range(inputs_of(self._request.input))
        ]
        body = {"object": "list", "data": data, "model": self._request.model}
        return strict_json.write(body | self.report.field())

    def _vector(self, index: int) -> list[float] | str:
        """Point along one axis: a unit vector whose figures a 32-bit float holds exactly."""
        dimensions = self._request.dimensions or _DIMENSIONS
        vector = [0.0] * dimensions
        vector[index % dimensions] = 1.0
        if self._request.encoding_format == "base64":
            return base64.b64encode(struct.pack(f"<{dimensions}f", *vector)).decode()
        return vector


def _plan(request: EmbeddingRequest, directive: Directive, message: str) -> EmbeddingWire:
    return EmbeddingWire(request, report(directive, plan_tokens(request, directive, message), usages.PROMPT_ONLY))


EMBEDDINGS = Format("/v1/embeddings", EmbeddingRequest, _plan, FAULTS | {"prompt_tokens"})
