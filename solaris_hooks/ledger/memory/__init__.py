"""A ledger in memory, for tests and demos only: it forgets everything when its process ends.

It is made of the pure rules and passes the same conformance suite as PostgreSQL's. Nothing in it
awaits, so that every operation is whole before another task of the event loop sees it. Each one
first checks everything that can fail, so that a refused operation changes nothing.
"""

from solaris_hooks.ledger.memory.ledger import MemoryLedger

__all__ = [
    "MemoryLedger",
]
