"""What goes into the ledger and what comes out: plain frozen records."""

from solaris_hooks.ledger.records.accounts import (
    NOTHING,
    Account,
    AccountChange,
    AccountPage,
    CreditLot,
    EndUser,
    NewAccount,
    Nothing,
)
from solaris_hooks.ledger.records.credits import CreditOrigin, Grant, GrantResult
from solaris_hooks.ledger.records.entries import ERASED, DailyUsage, Entry, EntryKind
from solaris_hooks.ledger.records.holds import (
    ExtendResult,
    Extension,
    Hold,
    HoldOutcome,
    HoldRequest,
    HoldResult,
    Settlement,
    SettleOutcome,
    SettleResult,
)
from solaris_hooks.ledger.records.verification import CheckpointResult, Flaw, Verification
from solaris_hooks.quota.plan import Plan

__all__ = [
    "ERASED",
    "NOTHING",
    "Account",
    "AccountChange",
    "AccountPage",
    "CheckpointResult",
    "CreditLot",
    "CreditOrigin",
    "DailyUsage",
    "EndUser",
    "Entry",
    "EntryKind",
    "ExtendResult",
    "Extension",
    "Flaw",
    "Grant",
    "GrantResult",
    "Hold",
    "HoldOutcome",
    "HoldRequest",
    "HoldResult",
    "NewAccount",
    "Nothing",
    "Plan",
    "SettleOutcome",
    "SettleResult",
    "Settlement",
    "Verification",
]
