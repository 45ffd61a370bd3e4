"""OpenAI's ``POST /v1/embeddings``."""

import base64
import struct
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from deploy.simulated_provider import strict_json
from deploy.simulated_provider.answer import plan_tokens
from deploy.simulated_provider.directive import Directive
from deploy.simulated_provider.request import Request
from deploy.simulated_provider.served import report

from . import usages
from .format import USAGE, Format, WholeWire
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


def _vector(request: EmbeddingRequest, index: int) -> list[float] | str:
    """Point along one axis: a unit vector whose figures a 32-bit float holds exactly."""
    dimensions = request.dimensions or _DIMENSIONS
    vector = [0.0] * dimensions
    vector[index % dimensions] = 1.0
    if request.encoding_format == "base64":
        return base64.b64encode(struct.pack(f"<{dimensions}f", *vector)).decode()
    return vector


def _plan(request: EmbeddingRequest, directive: Directive, message: str) -> WholeWire:
    usage = report(directive, plan_tokens(request, directive, message), usages.PROMPT_ONLY)
    data = [
        {"object": "embedding", "index": index, "embedding": _vector(request, index)}
        for index in range(inputs_of(request.input))
    ]
    body = {"object": "list", "data": data, "model": request.model}
    return WholeWire(strict_json.write(body | usage.field()), usage)


EMBEDDINGS = Format("/v1/embeddings", EmbeddingRequest, _plan, USAGE)
