"""The ledger on PostgreSQL: each method is one statement, one round trip and one transaction."""

from solaris_hooks.ledger.postgres.ledger import PostgresLedger
from solaris_hooks.ledger.postgres.metering import MOST_ANSWERS

__all__ = [
    "MOST_ANSWERS",
    "PostgresLedger",
]
