"""OpenAI's ``POST /v1/images/generations`` and ``/v1/images/edits``."""

import time
from typing import Annotated, Any, ClassVar

from pydantic import Field

from deploy.simulated_provider import strict_json
from deploy.simulated_provider.answer import plan_tokens
from deploy.simulated_provider.directive import Directive
from deploy.simulated_provider.request import FORM, Request
from deploy.simulated_provider.served import NO_TOKENS, Units, report

from . import usages
from .format import USAGE, Format, WholeWire

_DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_TOKENS_PER_IMAGE = 272
"""What gpt-image-1 counts for a square of low quality."""


class ImageRequest(Request):
    """The body of ``POST /v1/images/generations``."""

    directed_field: ClassVar[str] = "prompt"

    model: Annotated[str, Field(min_length=1)] = "gpt-image-1"
    prompt: str
    n: Annotated[int, Field(ge=1, le=10)] | None = None

    @property
    def texts(self) -> list[str]:
        """The prompt."""
        return [self.prompt]


class ImageEditRequest(ImageRequest):
    """The form of ``POST /v1/images/edits``."""

    model_config = FORM

    image: Any


def _plan(request: ImageRequest, directive: Directive, message: str) -> WholeWire:
    images = (request.n or 1) if directive.images is None else directive.images
    completion = directive.completion_tokens
    if completion is None:
        completion = _TOKENS_PER_IMAGE * images
    usage = NO_TOKENS
    if directive.token_usage or directive.states_usage:
        usage = report(directive, plan_tokens(request, directive, message, completion), usages.IMAGES)
    body = {"created": int(time.time()), "data": [{"b64_json": _DOT} for _ in range(images)]}
    return WholeWire(strict_json.write(body | usage.field()), usage, Units(images=images))


_DIRECTED_BY = USAGE | {"completion_tokens", "images", "token_usage"}
GENERATIONS = Format("/v1/images/generations", ImageRequest, _plan, _DIRECTED_BY)
EDITS = Format("/v1/images/edits", ImageEditRequest, _plan, _DIRECTED_BY)
