"""Why credits cannot be asked for, in words that users read."""

from __future__ import annotations

from typing import ClassVar

from solaris_hooks.messages import sentence, whole_number
from solaris_hooks.quota.errors import ConflictError, InvalidRequestError


class CreditRequestRefusedError(InvalidRequestError):
    """These credits cannot be asked for.

    Attributes:
        message_key: the sentence in the catalogues; ``%(limit)s`` in it is ``limit``, where there is one.
    """

    code = "credit_request_refused"
    message_key: ClassVar[str]

    def __init__(self, limit: int = 0, *, param: str | None = None) -> None:
        """Keep the limit that was reached; the message is the English sentence."""
        self.limit = limit
        super().__init__(self.said_in("en"), param=param)

    def said_in(self, locale: str) -> str:
        """The sentence for a user of a locale."""
        return sentence(locale, self.message_key, limit=whole_number(locale, self.limit))


class TooManyOpenRequestsError(CreditRequestRefusedError):
    """As many requests of the account wait for a decision as may."""

    status = 429
    message_key = "credits.too_many_open"


class TooManyRequestsTodayError(CreditRequestRefusedError):
    """The account has asked as often within 24 hours as it may."""

    status = 429
    message_key = "credits.too_many_today"


class TokensOutOfRangeError(CreditRequestRefusedError):
    """A request is of 1 token at the least, and of the setting's maximum at the most."""

    message_key = "credits.tokens_out_of_range"


class UnknownPackageError(CreditRequestRefusedError):
    """There is no such package, or it has another number of tokens."""

    message_key = "credits.unknown_package"


class NoReasonError(CreditRequestRefusedError):
    """The reason is missing or too long."""

    message_key = "credits.no_reason"


class RequestDecidedError(ConflictError):
    """This request was decided before; ask for its present state."""

    code = "request_decided"
