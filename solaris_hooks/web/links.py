"""Signed links and cookies: for one account, one purpose and a short time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from itsdangerous import BadSignature, URLSafeTimedSerializer

from solaris_hooks.quota.errors import SolarisError
from solaris_hooks.quota.ids import AccountId, MemberId, account_id, member_id

_KEY_BYTES = 32


class LinkError(SolarisError):
    """The link is wrong, expired, or was used before; ask for a new one."""

    code = "link_unusable"
    status = 403


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a token says.

    Attributes:
        link_id: tells it from all others.
        issued_at: UTC.
        member_id: who may see the account, where it is that of his team.
    """

    account_id: AccountId
    link_id: UUID
    issued_at: dt.datetime
    member_id: MemberId | None = None


def derived_secret(secret: str) -> str:
    """A key for links, derived from a secret that signs other things."""
    derive = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=b"solaris_hooks links")
    return derive.derive(secret.encode()).hex()


class Tickets:
    """Writes and reads tokens of one purpose. What was written for another is not read."""

    def __init__(self, secrets: Sequence[str], purpose: str, *, lifetime_seconds: int) -> None:
        """Keep the keys.

        Args:
            secrets: the newest first: it signs; the others are still believed.
            purpose: what the tokens are for.
            lifetime_seconds: how long a token is good for.
        """
        self.lifetime_seconds = lifetime_seconds
        # itsdangerous signs with the last of its keys.
        self._serializer = URLSafeTimedSerializer(list(reversed(secrets)), salt=f"solaris.{purpose}")

    def write(self, account: AccountId, member: MemberId | None = None) -> str:
        """A new token."""
        said = [account, uuid4().hex] if member is None else [account, uuid4().hex, member]
        return str(self._serializer.dumps(said))

    def read(self, token: str) -> Ticket:
        """What a token says.

        Raises:
            LinkError: it is not one of ours, for something else, or too old.
        """
        try:
            (said, link, *members), issued_at = self._serializer.loads(
                token, max_age=self.lifetime_seconds, return_timestamp=True
            )
            of_member = member_id(*members) if members else None
            return Ticket(account_id(said), UUID(link), issued_at, of_member)
        except (BadSignature, ValueError, TypeError, SolarisError) as exc:
            raise LinkError from exc


@dataclass(frozen=True, slots=True)
class StatementLinks:
    """Makes the links to statements that users get in the chat.

    Attributes:
        public_url: where users reach the proxy; empty where nobody has said it.
    """

    tickets: Tickets
    public_url: str

    def of(self, account: AccountId, member: MemberId | None = None) -> str | None:
        """A link, for a member of a team to what he may see of it; None where nobody knows where it would lead."""
        return f"{self.public_url}/solaris/me?token={self.tickets.write(account, member)}" if self.public_url else None
