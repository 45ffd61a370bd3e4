"""Where users ask for credits in the chat: what is on offer, and what came of asking, in their language."""

from __future__ import annotations

from solaris_hooks.credits.errors import CreditRequestRefusedError
from solaris_hooks.credits.requests import CreditRequests
from solaris_hooks.ledger.records import Account
from solaris_hooks.messages import money, sentence, whole_number


class RequestCounter:
    """Takes requests for credits from the chat."""

    def __init__(self, requests: CreditRequests) -> None:
        """Keep what takes requests."""
        self._requests = requests

    def offers(self, locale: str) -> str:
        """The packages on offer, as a paragraph of Markdown; empty where there are none."""
        lines = [
            sentence(
                locale,
                "credits.package",
                name=each.name,
                tokens=whole_number(locale, each.tokens),
                price=money(locale, each.price, each.currency),
            )
            for each in self._requests.packages
        ]
        return "\n".join([sentence(locale, "credits.packages"), "", *lines]) if lines else ""

    async def ask(self, account: Account, tokens: int, reason: str) -> str:
        """Ask for credits; as many as a package has are that package. Returns what came of it, as a paragraph.

        Raises:
            LedgerError: the books cannot be reached.
        """
        own, locale = account.balance.account_id, account.balance.locale
        share = account.balance.share
        actor = own if share is None else share.member_id
        package = next((each.name for each in self._requests.packages if each.tokens == tokens), None)
        try:
            made = await self._requests.request(own, tokens, reason, package=package, actor=actor)
        except CreditRequestRefusedError as refused:
            return refused.said_in(locale)
        return sentence(locale, "credits.asked", tokens=whole_number(locale, made.tokens))
