"""What a client sent: JSON, or a form with files."""

from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from . import strict_json
from .errors import RequestError


async def read_body(request: Request) -> Any:
    """Read the body of a request that has arrived to its end.

    Args:
        request: the request; of a form's files only the name and the size are kept.

    Raises:
        RequestError: it is neither JSON nor a form.
    """
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await _read_form(request)
    try:
        return strict_json.read(await request.body())
    except ValueError as broken:
        message = f"The body is not JSON: {broken}"
        raise RequestError(message) from broken


async def _read_form(request: Request) -> dict[str, Any]:
    """Read a form; a field named ``x[]``, or sent more than once, is a list named ``x``."""
    fields: dict[str, Any] = {}
    try:
        async with request.form() as form:
            for name in dict.fromkeys(form):
                values = [_shown(value) for value in form.getlist(name)]
                several = name.endswith("[]") or len(values) > 1
                fields[name.removesuffix("[]")] = values if several else values[0]
    except HTTPException as broken:
        message = f"The body is not a form: {broken.detail}"
        raise RequestError(message) from broken
    return fields


def _shown(value: UploadFile | str) -> Any:
    if isinstance(value, str):
        return value
    return {"filename": value.filename, "bytes": value.size}
