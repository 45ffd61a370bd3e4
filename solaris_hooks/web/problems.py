"""What an error says, in the API and in the CLI alike."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_SHOWN_PROBLEMS = 5


class ErrorBody(BaseModel):
    """What is wrong and what to do."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="Stable name of the error, for programs.", examples=["not_found"])
    message: str = Field(description="One sentence that says what to do, for people.")
    param: str | None = Field(description="The field or parameter at fault, if one is.")
    code: str = Field(description="The HTTP status, as text.", examples=["404"])


class ErrorAnswer(BaseModel):
    """Every error of this API."""

    model_config = ConfigDict(frozen=True)

    error: ErrorBody


def explained(problems: Sequence[Any]) -> tuple[str, str | None]:
    """Say what a failed validation means.

    Args:
        problems: ``errors()`` of pydantic's ``ValidationError`` or FastAPI's ``RequestValidationError``.

    Returns:
        One line for people, and the first field at fault.
    """
    found = [_problem(each) for each in problems]
    shown = list(dict.fromkeys(sentence for _, sentence in found))[:_SHOWN_PROBLEMS]
    return " ".join(shown), found[0][0] if found else None


def _problem(problem: Mapping[str, Any]) -> tuple[str | None, str]:
    where = problem["loc"][0] if problem["loc"] and problem["loc"][0] in {"body", "query", "path"} else None
    names = problem["loc"][1:] if where else problem["loc"]
    kind: str = problem["type"]
    if kind == "json_invalid":
        return None, "The body is not JSON; send a JSON object."
    said = str(problem["msg"]).removeprefix("Value error, ").removeprefix("Input ").rstrip(".")
    if not names and kind == "value_error":
        return None, f"{said}."
    if not names:
        return None, "Send a JSON object as the body, with Content-Type: application/json."
    # Names of unknown fields are whatever the caller sent.
    name = re.sub(r"[^\w.\-]", "?", ".".join(str(each) for each in names))[:80]
    if kind == "extra_forbidden":
        return (
            name,
            f'There is no {"parameter" if where == "query" else "field"} "{name}" here; leave it out.',
        )
    if kind == "missing":
        return name, f'"{name}" is missing.'
    return name, f'"{name}" {said[:1].lower()}{said[1:]}.'
