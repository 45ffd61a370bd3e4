"""Which account pays for a request: decided by the key alone, never by what a client asserts.

A key is a *trusted service key* when an administrator put ``solaris_trusted_service: true``
into its metadata. Any internal user may make keys of his own, with any metadata; so the flag
counts only on keys that belong to no user and no team, which administrators alone can make.
"""

from __future__ import annotations

from collections.abc import Mapping

from litellm.constants import LITELLM_PROXY_MASTER_KEY_ALIAS
from litellm.proxy._types import SpecialProxyStrings, UserAPIKeyAuth
from litellm.proxy.auth.auth_exception_handler import DB_UNAVAILABLE_FALLBACK_USER_ID

from solaris_hooks.quota.errors import InvalidRequestError, LedgerUnavailableError
from solaris_hooks.quota.ids import AccountId, account_id

TRUSTED_SERVICE_FLAG = "solaris_trusted_service"

END_USER_HEADERS = ("x-litellm-end-user-id", "x-litellm-customer-id")
"""LiteLLM's own names of the header in which a service says who its user is."""

NO_USER = SpecialProxyStrings.default_user_id.value
"""The user id that LiteLLM puts where there is no user: keys without a user must not share one account."""


def account_of(auth: UserAPIKeyAuth, headers: Mapping[str, str]) -> AccountId:
    """The account that pays.

    Args:
        auth: who LiteLLM says asks.
        headers: of the request, their names in lower case; read for trusted service keys alone.

    Raises:
        InvalidRequestError: a trusted service key named no end user.
        LedgerUnavailableError: LiteLLM lets anybody in while its database is away, under one made-up user.
    """
    if auth.user_id == DB_UNAVAILABLE_FALLBACK_USER_ID:
        raise LedgerUnavailableError("LiteLLM's database is away, so nobody knows whose key this is.")
    if is_trusted_service(auth):
        # Not LiteLLM's end_user_id: where the header is missing that is the body's `user`, which LibreChat
        # always sends, and another account would silently pay.
        end_user = next((headers[name].strip() for name in END_USER_HEADERS if headers.get(name, "").strip()), None)
        if end_user is None:
            raise InvalidRequestError(
                "This service key must name the end user: send the header x-litellm-end-user-id.",
                param="x-litellm-end-user-id",
            )
        return account_id(f"end_user:{end_user}")
    if _has_user(auth):
        return account_id(f"user:{auth.user_id}")
    return account_id(f"key:{auth.token or auth.api_key or 'none'}")


def is_master_key(auth: UserAPIKeyAuth) -> bool:
    """Whether LiteLLM's master key asks. LiteLLM gives it an alias that no hash of a key can equal."""
    return auth.api_key == LITELLM_PROXY_MASTER_KEY_ALIAS


def is_trusted_service(auth: UserAPIKeyAuth) -> bool:
    """Whether an administrator trusts this key to say who its end users are."""
    flagged = isinstance(auth.metadata, dict) and auth.metadata.get(TRUSTED_SERVICE_FLAG) is True
    return flagged and not auth.team_id and not _has_user(auth)


def _has_user(auth: UserAPIKeyAuth) -> bool:
    return bool(auth.user_id) and auth.user_id != NO_USER
