"""What a browser sends with a form: whether it is one of this site's, what it says, and whence it comes."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

from solaris_hooks.quota.errors import SolarisError

MOST_FIELDS = 2000


class UnreadableFormError(SolarisError):
    """The form cannot be read; open the page anew and try again."""

    code = "unreadable_form"
    status = 400


def from_here(request: Request) -> bool:
    """Whether a page of this site sent a form, as far as the browser says; the form's token is asked for, too."""
    fetched = request.headers.get("sec-fetch-site")
    if fetched is not None:
        return fetched in {"same-origin", "none"}
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def from_elsewhere(request: Request) -> bool:
    """Whether another site led here, so that the browser has kept a ``SameSite=Strict`` cookie back."""
    return request.headers.get("sec-fetch-site") == "cross-site"


async def form_of(request: Request, *, most_fields: int = MOST_FIELDS) -> FormData:
    """What a form has sent.

    Raises:
        UnreadableFormError: it cannot be read, or says too much.
    """
    try:
        return await request.form(max_files=0, max_fields=most_fields)
    except HTTPException as exc:
        raise UnreadableFormError from exc


def source_of(request: Request, door: str) -> str:
    """Whence somebody tries to sign in at a door, without keeping his address."""
    address = request.client.host if request.client is not None else "unknown"
    return hashlib.sha256(f"solaris {door} {address}".encode()).hexdigest()[:32]
