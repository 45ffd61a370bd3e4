"""OpenAI's ``POST /v1/moderations``: nothing is ever flagged, and nothing counted but the call."""

from typing import Annotated, Any, ClassVar
from uuid import uuid4

from pydantic import Field

from deploy.simulated_provider import strict_json
from deploy.simulated_provider.directive import Directive
from deploy.simulated_provider.request import Part, Request
from deploy.simulated_provider.served import NO_TOKENS

from .format import FAULTS, Format, WholeWire

_CATEGORIES = ("harassment", "hate", "illicit", "self-harm", "sexual", "violence")


class ModerationRequest(Request):
    """The body of ``POST /v1/moderations``."""

    directed_field: ClassVar[str] = "input"

    model: Annotated[str, Field(min_length=1)] = "omni-moderation-latest"
    input: str | Annotated[list[str], Field(min_length=1)] | Annotated[list[Part], Field(min_length=1)]

    @property
    def texts(self) -> list[str]:
        """Every text to be judged."""
        if isinstance(self.input, str):
            return [self.input]
        return [(each if isinstance(each, str) else each.text or "") for each in self.input]

    @property
    def judged(self) -> int:
        """How many results are wanted: parts are judged together."""
        parts = isinstance(self.input, str) or any(isinstance(each, Part) for each in self.input)
        return 1 if parts else len(self.input)


def _plan(request: ModerationRequest, _directive: Directive, _message: str) -> WholeWire:
    result: dict[str, Any] = {
        "flagged": False,
        "categories": dict.fromkeys(_CATEGORIES, False),
        "category_scores": dict.fromkeys(_CATEGORIES, 0.0),
        "category_applied_input_types": {name: ["text"] for name in _CATEGORIES},
    }
    body = {"id": f"modr-{uuid4().hex}", "model": request.model, "results": [result] * request.judged}
    return WholeWire(strict_json.write(body), NO_TOKENS)


MODERATIONS = Format("/v1/moderations", ModerationRequest, _plan, FAULTS)
