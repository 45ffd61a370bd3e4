"""The rules by which an account's tokens move: pure functions from figures to figures and postings.

Every function takes the moment it happens at, where it matters, as an argument. The SQL
functions of ``solaris_hooks/ledger/sql`` do exactly the same; the in-memory ledger is made of
these, and one conformance suite holds the two against each other.

What always holds, before and after every rule:

* ``0 <= allowance_used <= allowance_granted``, and no lot is below 0;
* ``overage > 0`` only where nothing remains;
* a posting's tokens are what it adds to allowance left + credits - overage.
"""

from solaris_hooks.quota.rules.allowances import (
    allowance_granted,
    opened,
    plan_changed,
    regranted,
    renewed,
    rescheduled,
)
from solaris_hooks.quota.rules.booking import Booking, booked
from solaris_hooks.quota.rules.credits import credited, expired, revoked
from solaris_hooks.quota.rules.holding import FULL, NEARLY_ALL, SHARES, Admission, admission, as_good_as_used, grown

__all__ = [
    "FULL",
    "NEARLY_ALL",
    "SHARES",
    "Admission",
    "Booking",
    "admission",
    "allowance_granted",
    "as_good_as_used",
    "booked",
    "credited",
    "expired",
    "grown",
    "opened",
    "plan_changed",
    "regranted",
    "renewed",
    "rescheduled",
    "revoked",
]
