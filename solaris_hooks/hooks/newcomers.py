"""What an account that a request makes begins with: by its team, else by its e-mail's domain, else as usual."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from solaris_hooks.quota.balance import Status

if TYPE_CHECKING:
    from litellm.proxy._types import UserAPIKeyAuth

    from solaris_hooks.hooks.identity import Payer
    from solaris_hooks.ledger.records import NewAccount
    from solaris_hooks.settings import Settings


class Newcomers:
    """Finds the plan of accounts that the books have not seen. For those that they have, it means nothing."""

    def __init__(self, settings: Settings) -> None:
        """Keep what is set."""
        self._usual = settings.new_account
        self._by_team = settings.plan_by_team
        self._by_domain = {domain.lower(): plan for domain, plan in settings.plan_by_email_domain.items()}

    def account(self, auth: UserAPIKeyAuth, payer: Payer) -> NewAccount:
        """What the account of a request gets if it is new.

        The account of a team is made whatever users never seen get: somebody has said that it is shared.

        Args:
            auth: who LiteLLM says asks; its team is the key's.
            payer: whose account it is.
        """
        of_team = payer.member_id is not None
        usual = replace(self._usual, create=True, status=Status.ACTIVE) if of_team else self._usual
        teams = (self._by_team.get(name) for name in (auth.team_id, auth.team_alias) if name)
        plan_id = next((plan for plan in teams if plan is not None), None)
        if plan_id is None and payer.email is not None and not of_team:
            plan_id = self._by_domain.get(payer.email.rpartition("@")[2].lower())
        return usual if plan_id is None else replace(usual, plan_id=plan_id)
