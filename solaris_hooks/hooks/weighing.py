"""Which weights an account's requests are sized by: its plan's, as the books said last, else the settings'."""

from __future__ import annotations

from collections import OrderedDict

from solaris_hooks.quota.balance import Balance
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.quota.weights import WeightTable

REMEMBERED = 20_000
"""Accounts with weights of their plan's own that a process remembers, the last used ones."""


class Weighing:
    """A request is sized before its hold, and the hold alone tells the account's plan: so what it told is kept."""

    def __init__(self, usual: WeightTable) -> None:
        """Keep the settings' weights; know of no others."""
        self._usual = usual
        self._of: OrderedDict[AccountId, WeightTable] = OrderedDict()

    def of(self, account_id: AccountId) -> WeightTable:
        """Weights for a request of an account, as far as is known."""
        return self._of.get(account_id, self._usual)

    def heard(self, balance: Balance) -> bool:
        """Remember what the books say. True if it is not what was known: size the request anew."""
        account_id, weights = balance.account_id, balance.terms.weights
        known = self._of.get(account_id)
        if weights is None:
            self._of.pop(account_id, None)
        else:
            self._of[account_id] = weights
            self._of.move_to_end(account_id)
            if len(self._of) > REMEMBERED:
                self._of.popitem(last=False)
        return weights != known
