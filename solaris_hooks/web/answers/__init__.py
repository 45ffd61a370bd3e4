"""What the API answers, and the CLI with ``--json``: the ledger's records as JSON models."""

from solaris_hooks.web.answers.accounts import (
    AccountAnswer,
    AccountsAnswer,
    AllowanceAnswer,
    CreditsAnswer,
    LotAnswer,
    PeriodAnswer,
)
from solaris_hooks.web.answers.answer import Answer
from solaris_hooks.web.answers.audit import AuditAnswer, AuditPageAnswer, UndoAnswer
from solaris_hooks.web.answers.checks import FlawAnswer, HealthAnswer, VerificationAnswer
from solaris_hooks.web.answers.entries import EntriesAnswer, EntryAnswer
from solaris_hooks.web.answers.usage import DayAnswer, HoldAnswer, TotalsAnswer, UsageAnswer

__all__ = [
    "AccountAnswer",
    "AccountsAnswer",
    "AllowanceAnswer",
    "Answer",
    "AuditAnswer",
    "AuditPageAnswer",
    "CreditsAnswer",
    "DayAnswer",
    "EntriesAnswer",
    "EntryAnswer",
    "FlawAnswer",
    "HealthAnswer",
    "HoldAnswer",
    "LotAnswer",
    "PeriodAnswer",
    "TotalsAnswer",
    "UndoAnswer",
    "UsageAnswer",
    "VerificationAnswer",
]
