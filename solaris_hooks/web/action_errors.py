"""Why a message is not sent."""

from __future__ import annotations

from solaris_hooks.quota.errors import SolarisError


class TooManyMessagesError(SolarisError):
    """As many messages as may were sent to this account within 24 hours; wait."""

    code = "too_many_messages"
    status = 429


class UnreachableError(SolarisError):
    """The user has no e-mail address or wants no mails, and wants nothing told in the chat."""

    code = "user_unreachable"
    status = 409
