"""The pair of Ed25519 keys of checkpoints: one signs and stays secret, the other suffices to verify.

Both are PEM files (PKCS#8 and SubjectPublicKeyInfo), as ``openssl genpkey -algorithm ed25519`` writes them.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from solaris_hooks.quota.errors import CheckpointError

_PEM = "-----BEGIN "
_SECRET_MODE = 0o600
_PUBLIC_MODE = 0o644
_KEY_ID_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What verifies."""

    key: Ed25519PublicKey = field(repr=False)

    @property
    def key_id(self) -> str:
        """Its name: the first 16 hexadecimal digits of the SHA-256 of its 32 bytes."""
        raw = self.key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return hashlib.sha256(raw).hexdigest()[:_KEY_ID_CHARACTERS]

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Whether a signature of a message is this key's."""
        try:
            self.key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What signs. Never in the database, nor anywhere that the database's administrator can read."""

    key: Ed25519PrivateKey = field(repr=False)

    @property
    def public(self) -> PublicKey:
        """The other half."""
        return PublicKey(self.key.public_key())

    def sign(self, message: bytes) -> bytes:
        """The signature of a message: 64 bytes."""
        return self.key.sign(message)


def make_keys(private: Path, public: Path) -> SigningKey:
    """Make a pair of keys and write it to two new files; only the owner may read the private one.

    Raises:
        CheckpointError: a file exists already, or cannot be written.
    """
    key = SigningKey(Ed25519PrivateKey.generate())
    secret = key.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    shown = key.public.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if public.exists():
        raise CheckpointError(f"There is already a file {public}; keys are never overwritten.")
    _write_new(private, secret, _SECRET_MODE)
    _write_new(public, shown, _PUBLIC_MODE)
    return key


def read_signing_key(where: str) -> SigningKey:
    """The key that signs.

    Args:
        where: path of its PEM file, or the PEM itself, as secret stores hand it over in a variable.

    Raises:
        CheckpointError: there is none, or it is no private Ed25519 key.
    """
    pem = where.encode() if where.lstrip().startswith(_PEM) else _read(Path(where))
    named = "The private key for checkpoints"
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError as exc:
        raise CheckpointError(
            f"{named} is encrypted; give one without a passphrase, readable by its user alone."
        ) from exc
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise CheckpointError(f"{named} is no private key in PEM form; make one with `solaris ledger keygen`.") from exc
    if not isinstance(key, Ed25519PrivateKey):
        raise CheckpointError(f"{named} is not an Ed25519 key; make one with `solaris ledger keygen`.")
    return SigningKey(key)


def read_public_key(path: Path) -> PublicKey:
    """The key that verifies.

    Raises:
        CheckpointError: there is none, or it is no public Ed25519 key.
    """
    try:
        key = load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise CheckpointError(f"{path} is no public key in PEM form; `solaris ledger keygen` wrote one.") from exc
    if not isinstance(key, Ed25519PublicKey):
        raise CheckpointError(f"{path} is not an Ed25519 key; `solaris ledger keygen` wrote one.")
    return PublicKey(key)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise CheckpointError(f"The key {path} cannot be read: {exc.strerror or exc}.") from exc


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as exc:
        raise CheckpointError(f"There is already a file {path}; keys are never overwritten.") from exc
    except OSError as exc:
        raise CheckpointError(f"The key {path} cannot be written: {exc.strerror or exc}.") from exc
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
