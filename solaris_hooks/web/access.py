"""Who may do what here: the contract between the API and whoever checks keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fastapi import Request

from solaris_hooks.quota.errors import SolarisError
from solaris_hooks.quota.ids import AccountId, MemberId
from solaris_hooks.roles import Permission, Role


class UnauthenticatedError(SolarisError):
    """Send a valid key as `Authorization: Bearer <key>`; this one is missing, unknown, expired or blocked."""

    code = "unauthenticated"
    status = 401


class ForbiddenError(SolarisError):
    """This key may not do that; use LiteLLM's master key or the key of a proxy_admin."""

    code = "forbidden"
    status = 403


class AuthenticationUnavailableError(SolarisError):
    """Keys cannot be checked now; try again, then look at the proxy's log."""

    code = "authentication_unavailable"
    status = 503


@dataclass(frozen=True, slots=True)
class Administrator:
    """Somebody who may see every account.

    Attributes:
        actor: how the books name who made a change: ``admin:<user id, key alias or master-key>``.
        role: what he may do.
    """

    actor: str
    role: Role

    def may(self, permission: Permission) -> bool:
        """Whether he has a permission."""
        return self.role.may(permission)


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody with a virtual key, and the account it pays from.

    Attributes:
        member_id: who he is, where the account is that of his team: he sees no more of it than its figures and his own.
    """

    account_id: AccountId
    email: str | None = None
    member_id: MemberId | None = None

    @property
    def actor(self) -> str:
        """How the books name what he does."""
        return self.member_id or self.account_id


class Authenticator(Protocol):
    """Checks the key of a request. Raises our errors and no others."""

    async def administrator(self, request: Request, permission: Permission, *, key: str | None = None) -> Administrator:
        """Let administrators through.

        Args:
            request: the request, with its key.
            permission: what he must be permitted.
            key: a key to ask about in place of the request's own.

        Raises:
            UnauthenticatedError: there is no valid key.
            ForbiddenError: the key is valid, but no administrator's, or not for this.
            AuthenticationUnavailableError: LiteLLM cannot check keys now.
        """
        ...

    async def holder(self, request: Request, *, key: str | None = None) -> Holder:
        """Tell which account a virtual key pays from.

        Args:
            request: the request, with its key.
            key: a key to ask about in place of the request's own.

        Raises:
            UnauthenticatedError: there is no valid key.
            ForbiddenError: the key is valid, but pays from no account.
            AuthenticationUnavailableError: LiteLLM cannot check keys now.
        """
        ...

    def key_of_session(self, request: Request) -> str | None:
        """The key inside the session that LiteLLM's own admin UI has in this browser; None where it has none."""
        ...
