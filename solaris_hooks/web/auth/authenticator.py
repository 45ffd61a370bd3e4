"""Keys are LiteLLM's: this asks LiteLLM who a key belongs to.

LiteLLM decides by the path of a request, so each question is put as a request: a copy of the
real one, with its headers but without its body (a body could name models or end users, and would
be judged by them).

* Administrators: the real path, so that a key's ``allowed_routes`` are respected. Their role in LiteLLM must be
  ``proxy_admin``, or ``proxy_admin_viewer`` for what moves no tokens. LiteLLM's answer alone is not
  enough: it lets any key through on paths that look like a model's. What they may do here is for the setting
  ``admin_roles`` to say.
* ``me``: LiteLLM refuses ordinary keys on paths that it does not know, so the paths of ordinary
  routes are asked for. Whoever may call any of them may see his own account.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Awaitable, Callable, Mapping

import jwt
from fastapi import HTTPException, Request
from litellm.constants import LITELLM_PROXY_MASTER_KEY_ALIAS
from litellm.proxy._types import LitellmUserRoles, ProxyException, SpecialHeaders, UserAPIKeyAuth
from litellm.proxy.auth import user_api_key_auth as litellm_auth
from litellm.proxy.auth.auth_exception_handler import DB_UNAVAILABLE_FALLBACK_USER_ID
from starlette.types import Message

from solaris_hooks.roles import READ_ONLY_ROLES, Permission, Role
from solaris_hooks.web.access import (
    Administrator,
    AuthenticationUnavailableError,
    ForbiddenError,
    Holder,
    UnauthenticatedError,
)
from solaris_hooks.web.asgi import DECODED_PATH

_LOG = logging.getLogger(__name__)

HolderOf = Callable[[UserAPIKeyAuth, Request], Awaitable[Holder | None]]
"""Who has a key and which account it pays from, or None (the master key, unless it is metered)."""

# The first serves nearly every key; the second those that may only chat; the third those whose
# budget in money is spent, whom LiteLLM refuses on the routes of models.
_ORDINARY_ROUTES = ("/v1/models", "/v1/chat/completions", "/key/info")

_UNAUTHENTICATED = 401
_FORBIDDEN = 403
_SERVER_ERROR = 500
_ACTOR_CHARACTERS = 200
_LITELLM_COOKIE = "token"


class _RefusedError(Exception):
    """LiteLLM refused a key on a path, with this status."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(status)


class LiteLLMAuthenticator:
    """Keeps the contract of :class:`solaris_hooks.web.access.Authenticator` by asking LiteLLM."""

    def __init__(self, holder_of: HolderOf, roles: Mapping[str, Role] | None = None) -> None:
        """Keep who tells which account a key pays from.

        Args:
            holder_of: a function of the key's identity and the request; may raise our errors.
            roles: by LiteLLM's user id, where they are not what LiteLLM's own role makes them.
        """
        self._holder_of = holder_of
        self._roles = roles or {}

    async def administrator(self, request: Request, permission: Permission, *, key: str | None = None) -> Administrator:
        """See :meth:`Authenticator.administrator`."""
        request = _with_key(request, key)
        path = request.scope.get(DECODED_PATH, request.scope["path"])
        try:
            # What moves no tokens is asked for as GET: LiteLLM refuses viewers anything else.
            harmless = permission in {Permission.READ, Permission.VERIFY, Permission.SUPPORT}
            identity = await _identity(request, path, "GET" if harmless else request.method)
        except _RefusedError as refusal:
            # LiteLLM answers 401 to a good key that is no administrator's, too: ask whether it is good.
            if refusal.status != _FORBIDDEN:
                await _ordinary_identity(request)
            raise ForbiddenError from refusal
        role = self._role_of(identity)
        if role is None or not role.may(permission):
            raise ForbiddenError
        return Administrator(actor_of(identity), role)

    async def holder(self, request: Request, *, key: str | None = None) -> Holder:
        """See :meth:`Authenticator.holder`."""
        request = _with_key(request, key)
        identity = await _ordinary_identity(request)
        holder = await self._holder_of(identity, request)
        if holder is None:
            raise ForbiddenError("This key pays from no account; send a user's virtual key.")
        return holder

    def key_of_session(self, request: Request) -> str | None:
        """See :meth:`Authenticator.key_of_session`. LiteLLM signs its session with the master key."""
        from litellm.proxy import proxy_server  # noqa: PLC0415 - the key is known once the config is read

        token, master_key = request.cookies.get(_LITELLM_COOKIE), proxy_server.master_key
        if not token or not master_key:
            return None
        try:
            key = jwt.decode(token, master_key, algorithms=["HS256"], options={"require": ["exp"]}).get("key")
        except jwt.InvalidTokenError:
            return None
        return key if isinstance(key, str) else None

    def _role_of(self, identity: UserAPIKeyAuth) -> Role | None:
        if _is_master_key(identity):
            return Role.SUPER_ADMIN
        said = self._roles.get(identity.user_id or "")
        if identity.user_role == LitellmUserRoles.PROXY_ADMIN:
            return said or Role.ADMIN
        if identity.user_role == LitellmUserRoles.PROXY_ADMIN_VIEW_ONLY:
            return said if said in READ_ONLY_ROLES else Role.AUDITOR
        return None


def _is_master_key(identity: UserAPIKeyAuth) -> bool:
    """Whether somebody came with LiteLLM's master key."""
    return LITELLM_PROXY_MASTER_KEY_ALIAS in {identity.token, identity.api_key}


def actor_of(identity: UserAPIKeyAuth) -> str:
    """How the books name an administrator: by user, else by key, else as the master key."""
    name = identity.user_id or identity.key_alias
    if _is_master_key(identity):
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


def _with_key(request: Request, key: str | None) -> Request:
    """The request as if it had come with another key; as it is where there is none."""
    if key is None:
        return request
    names = {each.encode() for each in SpecialHeaders.litellm_credential_header_names()}
    custom = _custom_header()
    headers = [
        (name, value)
        for name, value in request.scope["headers"]
        if name not in names and name not in {b"cookie", custom}
    ]
    bearer = f"Bearer {key}".encode()
    headers.append((b"authorization", bearer))
    if custom is not None and custom != b"authorization":
        headers.append((custom, bearer))
    return Request({**request.scope, "headers": headers}, request.receive)


def _custom_header() -> bytes | None:
    """The header in which LiteLLM was told to look for keys, in place of its own."""
    from litellm.proxy import proxy_server  # noqa: PLC0415 - known once the config is read

    name = (proxy_server.general_settings or {}).get("litellm_key_header_name")
    return name.lower().encode() if isinstance(name, str) and name else None


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
