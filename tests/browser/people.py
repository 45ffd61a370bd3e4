"""Who uses tokens in the tests' books."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import cycle, islice

from solaris_hooks.quota.ids import AccountId, account_id
from solaris_hooks.quota.plan import Plan

BASIC, DEFAULT, TEAM = "basic", "default", "team"
PLANS = (
    Plan(BASIC, 200_000, allowed_models=("gpt-4o-mini", "gemini-*"), max_in_flight=2),
    Plan(DEFAULT, 1_000_000),
    Plan(TEAM, 5_000_000, thresholds=(50, 80, 95, 100), overdraft=100_000),
    Plan("trial", 100_000, trial_days=14, trial_then=BASIC),
)
ALLOWANCES = {plan.plan_id: plan.monthly_tokens for plan in PLANS}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account.

    Attributes:
        percent: how much of what was granted is used at the end, in whole percent; above 100 there is overage.
        credits: tokens of the credits that were granted in this month.
    """

    account_id: AccountId
    name: str | None = None
    email: str | None = None
    plan: str = DEFAULT
    percent: int = 30
    credits: int = 0
    locale: str = "pt_BR"

    @property
    def granted(self) -> int:
        """Tokens of this month."""
        return ALLOWANCES[self.plan] + self.credits


def _person(name: str, plan: str = DEFAULT, percent: int = 30, **more: object) -> Person:
    plain = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    short = plain.replace(" ", ".")
    return Person(account_id(f"user:{short}"), name, f"{short}@example.org", plan, percent, **more)  # type: ignore[arg-type]


_KNOWN = (
    _person("Ana Souza", percent=84, credits=200_000),
    _person("Bruno Lima", percent=97),
    _person("Carolina Dias", BASIC, 100),
    _person("Daniel Alves", percent=12),
    _person("Eva Martins", BASIC, 45),
    _person("Grace Hopper", TEAM, 41, locale="en"),
    _person("Hugo Pereira", percent=108),
    _person("Iara <script>alert(1)</script> & Filhos", percent=3),
    Person(account_id(f"key:{'5e884898da28047d' * 4}"), percent=22),
    Person(account_id("end_user:65f0c1d2/ação"), email="visita@example.org", plan=BASIC, percent=0),
)
ANA, BRUNO, CAROLINA, DANIEL, EVA, GRACE, HUGO, IARA, KEY, VISITOR = (each.account_id for each in _KNOWN)
"""Warned and with credits; critical; exhausted; suspended; blocked; reads English, on the plan of a team; owes
tokens; has a name that must be escaped; an account of a key; one of an end user, who has used nothing."""

_FIRST = ("Juliana", "Kauê", "Lívia", "Marcos", "Natália", "Otávio", "Paula", "Rafael", "Sofia", "Tiago")
_LAST = ("Almeida", "Barbosa", "Conceição")
_OTHERS = (
    _person(f"{first} {last}", plan, percent)
    for (first, last), plan, percent in zip(
        ((first, last) for last in _LAST for first in _FIRST),
        cycle((DEFAULT, BASIC, DEFAULT, DEFAULT, TEAM, DEFAULT, BASIC)),
        cycle((8, 17, 25, 33, 39, 46, 58, 64, 71, 77, 81)),
        strict=False,
    )
)
PEOPLE = (*_KNOWN, *islice(_OTHERS, 30))
"""All forty."""
