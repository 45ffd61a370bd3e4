"""The cookies of sessions: sealed, so that the key in one is of no use to whoever reads the cookie."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self
from uuid import UUID, uuid4

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_TOKEN_BYTES = 32
_LONGEST_KEY = 1024


@dataclass(frozen=True, slots=True)
class Badge:
    """What a browser with a session shows.

    Attributes:
        key: the LiteLLM key that the session began with. It is asked about at every page, so that whoever loses his
            rights in LiteLLM loses them here, too. Empty where the session began with a signed link.
        session_id: of the session.
        token: what proves that this is the session's newest cookie, or the one before.
    """

    key: str
    session_id: UUID
    token: str

    @classmethod
    def new(cls, key: str) -> Self:
        """A badge of a session that begins."""
        return cls(key, uuid4(), secrets.token_urlsafe(_TOKEN_BYTES))

    @property
    def digest(self) -> bytes:
        """What the books know of the token."""
        return hashlib.sha256(self.token.encode()).digest()

    def next(self) -> Badge:
        """The badge that follows this one."""
        return replace(self, token=secrets.token_urlsafe(_TOKEN_BYTES))


class Seals:
    """Seals badges, and what forms must say to prove that they are this session's own."""

    def __init__(self, secrets_: Sequence[str], door: str) -> None:
        """Keep the keys.

        Args:
            secrets_: the newest first: it seals; the others are still believed.
            door: which pages the badges are for; those of another door are none here.
        """
        keys = [_derived(each, f"{door} badges") for each in secrets_]
        self._cipher = MultiFernet([Fernet(base64.urlsafe_b64encode(each)) for each in keys])
        self._form_key = _derived(secrets_[0], f"{door} forms")

    def seal(self, badge: Badge) -> str:
        """A badge as a cookie's value."""
        said = json.dumps([badge.key, badge.session_id.hex, badge.token])
        return self._cipher.encrypt(said.encode()).decode()

    def open(self, sealed: str, *, sealed_within: dt.timedelta | None = None) -> Badge | None:
        """The badge of a cookie; None where it is none of ours.

        Args:
            sealed: the cookie's value.
            sealed_within: how long ago it may have been sealed; None for ever.
        """
        seconds = None if sealed_within is None else int(sealed_within.total_seconds())
        try:
            key, session, token = json.loads(self._cipher.decrypt(sealed.encode(), ttl=seconds))
            return Badge(key, UUID(session), token)
        except (InvalidToken, ValueError, TypeError):
            return None

    def form_token(self, session_id: UUID) -> str:
        """What the forms of a session say, which no other site can know."""
        return hmac.new(self._form_key, session_id.bytes, hashlib.sha256).hexdigest()

    def form_is_genuine(self, session_id: UUID, said: str) -> bool:
        """Whether a form says what the forms of a session say."""
        return hmac.compare_digest(self.form_token(session_id).encode(), said.encode("utf-8", "replace"))


def usable_key(said: str) -> str | None:
    """A key as it was typed, without blanks around it; None for what can be no header's value."""
    key = said.strip()
    return key if 0 < len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable() else None


def _derived(secret: str, purpose: str) -> bytes:
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"solaris_hooks {purpose}".encode())
    return derive.derive(secret.encode())
