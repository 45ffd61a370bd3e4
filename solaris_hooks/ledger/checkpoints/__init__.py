"""Signed checkpoints: what every account's chain was at one moment, in a file that the database cannot forge."""

from solaris_hooks.ledger.checkpoints.document import Checkpoint, CheckpointHeader, Head
from solaris_hooks.ledger.checkpoints.keys import (
    PublicKey,
    SigningKey,
    make_keys,
    read_public_key,
    read_signing_key,
)
from solaris_hooks.ledger.checkpoints.taking import Taken, take_checkpoint, take_if_due

__all__ = [
    "Checkpoint",
    "CheckpointHeader",
    "Head",
    "PublicKey",
    "SigningKey",
    "Taken",
    "make_keys",
    "read_public_key",
    "read_signing_key",
    "take_checkpoint",
    "take_if_due",
]
