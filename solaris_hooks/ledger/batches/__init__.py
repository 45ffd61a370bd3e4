"""The same done to many accounts: begun once for each key, done account by account, whatever stops it."""

from solaris_hooks.ledger.batches.batches import SECONDS, Batches
from solaris_hooks.ledger.batches.orders import MOST_FOUND, MOST_NAMED, Action, ActionKind, Order, Selection
from solaris_hooks.ledger.batches.outcomes import Batch, BatchItem, CalledAs, Preview

__all__ = [
    "MOST_FOUND",
    "MOST_NAMED",
    "SECONDS",
    "Action",
    "ActionKind",
    "Batch",
    "BatchItem",
    "Batches",
    "CalledAs",
    "Order",
    "Preview",
    "Selection",
]
