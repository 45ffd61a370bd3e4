"""Who pays for a request: decided by the key, and by headers where an administrator trusts the key to name others.

A key is a *trusted service key* when an administrator put ``solaris_trusted_service: true``
into its metadata. Any internal user may make keys of his own, with any metadata; so the flag
counts only on keys that belong to no user and no team, which administrators alone can make.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from litellm.constants import LITELLM_PROXY_MASTER_KEY_ALIAS
from litellm.proxy._types import SpecialProxyStrings, UserAPIKeyAuth
from litellm.proxy.auth.auth_exception_handler import DB_UNAVAILABLE_FALLBACK_USER_ID

from solaris_hooks.ledger.records import EndUser
from solaris_hooks.quota.errors import InvalidRequestError, LedgerUnavailableError
from solaris_hooks.quota.ids import AccountId, MemberId, account_id

TRUSTED_SERVICE_FLAG = "solaris_trusted_service"

END_USER_HEADERS = ("x-litellm-end-user-id", "x-litellm-customer-id")
"""LiteLLM's own names of the header in which a service says who its user is."""

NO_USER = SpecialProxyStrings.default_user_id.value
"""The user id that LiteLLM puts where there is no user: keys without a user must not share one account."""

_PLACEHOLDER = "{{"
"""LibreChat sends a placeholder as it stands where it does not know the value: everybody would share an account."""


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays, as far as the request says.

    Attributes:
        account_id: the account that the request names by itself.
        email: of the person, where it is known.
        end_user: named by a trusted service by a lasting id: the books say which account that one uses.
        member_id: who asks, where the account is that of his team; ``email`` is then his.
        team_id: LiteLLM's, of the key, whoever pays.
    """

    account_id: AccountId
    email: str | None = None
    end_user: EndUser | None = None
    member_id: MemberId | None = None
    team_id: str | None = None


def payer_of(auth: UserAPIKeyAuth, headers: Mapping[str, str], *, id_header: str) -> Payer:
    """Who pays.

    Args:
        auth: who LiteLLM says asks.
        headers: of the request, their names in lower case; read for trusted service keys alone.
        id_header: in which a trusted service may name a lasting id of its user, beside an e-mail address.

    Raises:
        InvalidRequestError: a trusted service key named no end user.
        LedgerUnavailableError: LiteLLM lets anybody in while its database is away, under one made-up user.
    """
    if auth.user_id == DB_UNAVAILABLE_FALLBACK_USER_ID:
        raise LedgerUnavailableError("LiteLLM's database is away, so nobody knows whose key this is.")
    if is_trusted_service(auth):
        return _end_user(headers, id_header)
    team_id = auth.team_id or None
    if _has_user(auth):
        return Payer(account_id(f"user:{auth.user_id}"), auth.user_email, team_id=team_id)
    return Payer(account_id(f"key:{auth.token or auth.api_key or 'none'}"), team_id=team_id)


def asserted(headers: Mapping[str, str], id_header: str) -> str | None:
    """The first header in which a request says who its end user is."""
    return next((name for name in (*END_USER_HEADERS, id_header) if headers.get(name, "").strip()), None)


def is_master_key(auth: UserAPIKeyAuth) -> bool:
    """Whether LiteLLM's master key asks. LiteLLM gives it an alias that no hash of a key can equal."""
    return auth.api_key == LITELLM_PROXY_MASTER_KEY_ALIAS


def is_trusted_service(auth: UserAPIKeyAuth) -> bool:
    """Whether an administrator trusts this key to say who its end users are."""
    return is_flagged(auth) and not auth.team_id and not _has_user(auth)


def is_flagged(auth: UserAPIKeyAuth) -> bool:
    """Whether a key has the flag, which may be one that anybody gave himself."""
    return isinstance(auth.metadata, dict) and auth.metadata.get(TRUSTED_SERVICE_FLAG) is True


def _has_user(auth: UserAPIKeyAuth) -> bool:
    return bool(auth.user_id) and auth.user_id != NO_USER


def _end_user(headers: Mapping[str, str], id_header: str) -> Payer:
    # Not LiteLLM's end_user_id: where the header is missing that is the body's `user`, which LibreChat
    # always sends, and another account would silently pay.
    named = next((name for each in END_USER_HEADERS if (name := _named(headers, each))), None)
    lasting = _named(headers, id_header)
    if named is None and lasting is None:
        raise InvalidRequestError(
            "This service key must name the end user: send the header x-litellm-end-user-id.",
            param="x-litellm-end-user-id",
        )
    email = named if named is not None and "@" in named else None
    if lasting is None or lasting == named:
        return Payer(account_id(f"end_user:{named}"), email)
    of_id = account_id(f"end_user:{lasting}")
    return Payer(of_id, email, EndUser(of_id, account_id(f"end_user:{email}") if email else None))


def _named(headers: Mapping[str, str], header: str) -> str | None:
    value = headers.get(header, "").strip()
    if _PLACEHOLDER in value:
        raise InvalidRequestError(
            f"The header {header} holds a placeholder that was not filled in: {value[:80]}", param=header
        )
    return value or None
