"""Keys are LiteLLM's: this asks LiteLLM who a key belongs to. The only module of web that knows LiteLLM.

LiteLLM decides by the path of a request, so each question is put as a request: a copy of the
real one, with its headers but without its body (a body could name models or end users, and would
be judged by them).

* Administrators: the real path, so that a key's ``allowed_routes`` are respected. Their role must be
  ``proxy_admin``; a ``proxy_admin_viewer`` may do what changes nothing. LiteLLM's answer alone is not
  enough: it lets any key through on paths that look like a model's.
* ``me``: LiteLLM refuses ordinary keys on paths that it does not know, so the paths of ordinary
  routes are asked for. Whoever may call any of them may see his own account.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Awaitable, Callable

from fastapi import HTTPException, Request
from litellm.constants import LITELLM_PROXY_MASTER_KEY_ALIAS
from litellm.proxy._types import LitellmUserRoles, ProxyException, UserAPIKeyAuth
from litellm.proxy.auth import user_api_key_auth as litellm_auth
from litellm.proxy.auth.auth_exception_handler import DB_UNAVAILABLE_FALLBACK_USER_ID
from starlette.types import Message

from solaris_hooks.quota.ids import AccountId
from solaris_hooks.web.access import (
    Administrator,
    AuthenticationUnavailableError,
    ForbiddenError,
    Holder,
    UnauthenticatedError,
)
from solaris_hooks.web.asgi import DECODED_PATH

_LOG = logging.getLogger(__name__)

AccountOf = Callable[[UserAPIKeyAuth, Request], Awaitable[AccountId | None]]
"""Which account a key pays from, or None (the master key, unless it is metered)."""

# The first serves nearly every key; the second those that may only chat; the third those whose
# budget in money is spent, whom LiteLLM refuses on the routes of models.
_ORDINARY_ROUTES = ("/v1/models", "/v1/chat/completions", "/key/info")

_UNAUTHENTICATED = 401
_FORBIDDEN = 403
_SERVER_ERROR = 500
_ACTOR_CHARACTERS = 200


class _RefusedError(Exception):
    """LiteLLM refused a key on a path, with this status."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(status)


class LiteLLMAuthenticator:
    """Keeps the contract of :class:`solaris_hooks.web.access.Authenticator` by asking LiteLLM."""

    def __init__(self, account_of: AccountOf) -> None:
        """Keep who tells which account a key pays from.

        Args:
            account_of: a function of the key's identity and the request; may raise our errors.
        """
        self._account_of = account_of

    async def administrator(self, request: Request, *, change: bool) -> Administrator:
        """See :meth:`Authenticator.administrator`."""
        path = request.scope.get(DECODED_PATH, request.scope["path"])
        try:
            # What changes nothing is asked for as GET: LiteLLM refuses viewers anything else.
            identity = await _identity(request, path, request.method if change else "GET")
        except _RefusedError as refusal:
            # LiteLLM answers 401 to a good key that is no administrator's, too: ask whether it is good.
            if refusal.status != _FORBIDDEN:
                await _ordinary_identity(request)
            raise ForbiddenError from refusal
        roles = {LitellmUserRoles.PROXY_ADMIN}
        if not change:
            roles.add(LitellmUserRoles.PROXY_ADMIN_VIEW_ONLY)
        if identity.user_role not in roles:
            raise ForbiddenError
        return Administrator(actor=actor_of(identity))

    async def holder(self, request: Request) -> Holder:
        """See :meth:`Authenticator.holder`."""
        identity = await _ordinary_identity(request)
        account_id = await self._account_of(identity, request)
        if account_id is None:
            raise ForbiddenError("This key pays from no account; send a user's virtual key.")
        return Holder(account_id, identity.user_email)


def actor_of(identity: UserAPIKeyAuth) -> str:
    """How the books name an administrator: by user, else by key, else as the master key."""
    name = identity.user_id or identity.key_alias
    if LITELLM_PROXY_MASTER_KEY_ALIAS in {identity.token, identity.api_key}:
        name = "master-key"
    elif not name:
        name = f"key-{(identity.token or 'unknown')[:12]}"
    visible = "".join("?" if unicodedata.category(each) in {"Cc", "Cs", "Zl", "Zp"} else each for each in name)
    return f"admin:{visible[:_ACTOR_CHARACTERS]}"


async def _ordinary_identity(request: Request) -> UserAPIKeyAuth:
    """Whose key it is, whatever it may do.

    Raises:
        UnauthenticatedError: LiteLLM does not take the key.
        ForbiddenError: it may be used for nothing that we know of.
    """
    own_path = request.scope.get(DECODED_PATH, request.scope["path"])
    for path in (*_ORDINARY_ROUTES, own_path):
        try:
            return await _identity(request, path, "GET")
        except _RefusedError as refusal:
            if refusal.status == _UNAUTHENTICATED:
                raise UnauthenticatedError from refusal
    raise ForbiddenError(
        "This key may call no model and not this address; add /solaris/api/v1/me to its allowed_routes."
    )


async def _identity(request: Request, path: str, method: str) -> UserAPIKeyAuth:
    """Whose key a request carries, if LiteLLM lets it call a path.

    Raises:
        _RefusedError: LiteLLM refuses it.
        AuthenticationUnavailableError: LiteLLM cannot tell now.
    """
    question = _question(request, path, method)
    try:
        identity: UserAPIKeyAuth = await litellm_auth.user_api_key_auth(
            question,
            # FastAPI gives "" where a header is missing; so does a proxy that was never given a key.
            api_key=await litellm_auth.api_key_header(question) or "",
            azure_api_key_header=await litellm_auth.azure_api_key_header(question),
            anthropic_api_key_header=await litellm_auth.anthropic_api_key_header(question),
            google_ai_studio_api_key_header=await litellm_auth.google_ai_studio_api_key_header(question),
            azure_apim_header=await litellm_auth.azure_apim_header(question),
            custom_litellm_key_header=await litellm_auth.custom_litellm_key_header(question),
        )
    except (ProxyException, HTTPException) as exc:
        status = _status_of(exc)
        if status >= _SERVER_ERROR or getattr(exc, "type", None) == "no_db_connection":
            raise AuthenticationUnavailableError from exc
        raise _RefusedError(status) from exc
    except Exception as exc:
        _LOG.exception("LiteLLM failed to check a key")
        raise AuthenticationUnavailableError from exc
    if identity.user_id == DB_UNAVAILABLE_FALLBACK_USER_ID:
        # general_settings.allow_requests_on_db_unavailable makes an identity up for any key at all.
        raise AuthenticationUnavailableError
    if identity.blocked:
        # LiteLLM does not look at this for administrators whose key it has in memory.
        raise UnauthenticatedError
    if not (identity.token or identity.api_key or identity.user_id):
        # general_settings.public_routes lets requests through without any key.
        raise UnauthenticatedError
    return identity


def _question(request: Request, path: str, method: str) -> Request:
    scope = {
        **request.scope,
        "path": path,
        "raw_path": path.encode("utf-8"),
        "method": method,
        "root_path": "",
        "query_string": b"",
        "path_params": {},
    }
    if path not in _ORDINARY_ROUTES:
        scope["root_path"] = request.scope.get("app_root_path", "")
    scope["app_root_path"] = scope["root_path"]

    async def no_body() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    return Request(scope, no_body)


def _status_of(error: ProxyException | HTTPException) -> int:
    if isinstance(error, HTTPException):
        return error.status_code
    try:
        return int(error.code or _UNAUTHENTICATED)
    except ValueError:
        return _UNAUTHENTICATED
