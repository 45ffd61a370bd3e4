"""Sections ``alerts`` and ``webhooks`` of the settings: who is told of what, how often, and by whom."""

from __future__ import annotations

import base64
import binascii
from enum import StrEnum
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from solaris_hooks.ledger.event import EventKind
from solaris_hooks.messages import LOCALES

SECRET_PREFIX = "whsec_"  # noqa: S105 - how Standard Webhooks marks a secret
_SECRET_BYTES = range(24, 65)


class WorkerPlace(StrEnum):
    """Where jobs are done."""

    IN_PROXY = "in_proxy"
    """In each worker process of the proxy."""
    OFF = "off"
    """Elsewhere: by ``solaris worker``."""


class AlertSettings(BaseModel):
    """How deliveries are made and sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    worker: WorkerPlace = Field(WorkerPlace.IN_PROXY, description="`in_proxy`, or `off` where `solaris worker` runs.")
    admin_addresses: tuple[str, ...] = Field((), description="Administrators' e-mail addresses.")
    admin_locale: str = Field("pt_BR", description="Language of what administrators get: pt_BR or en.")
    user_mails: bool = Field(default=True, description="Whether users get mails.")
    mail_suspensions: bool = Field(
        default=False, description="Whether users get a mail when their account is suspended or reactivated."
    )
    mails_per_account_per_hour: int = Field(6, ge=1, le=1000, description="Mails to one account's user in an hour.")
    mails_per_hour: int = Field(500, ge=1, le=100_000, description="Mails in an hour, in all.")
    fold_above: int = Field(5, ge=1, le=1000, description="Where more mails wait for one reader, they become one.")
    most_attempts: int = Field(10, ge=1, le=30, description="After so many a delivery is given up.")
    first_retry_seconds: float = Field(
        10.0, ge=1, le=3600, description="Wait after the first failure; then ever longer."
    )
    longest_retry_seconds: float = Field(21_600.0, ge=1, le=86_400, description="The longest wait between attempts.")
    dispatch_interval_seconds: float = Field(5.0, ge=0.5, le=300, description="Pause between looks for events.")
    poll_interval_seconds: float = Field(5.0, ge=0.5, le=300, description="Pause between looks for jobs.")
    concurrency: int = Field(4, ge=1, le=50, description="Deliveries at once, in each worker.")
    report_hour: int = Field(8, ge=0, le=23, description="Local hour from which reports to administrators are made.")
    keep_days: int = Field(400, ge=62, le=3650, description="How long deliveries that ended and events are kept.")

    @field_validator("worker", mode="before")
    @classmethod
    def _yaml_reads_off_as_false(cls, value: object) -> object:
        return WorkerPlace.OFF if value is False else value

    @field_validator("admin_locale")
    @classmethod
    def _known_locale(cls, value: str) -> str:
        if value not in LOCALES:
            raise ValueError(f"must be one of {', '.join(LOCALES)}")
        return value

    @field_validator("admin_addresses")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            if each.count("@") != 1 or each != each.strip() or not each.isprintable() or " " in each:
                raise ValueError(f"{each!r} is no e-mail address")
        return tuple(dict.fromkeys(value))


class WebhookFormat(StrEnum):
    """What a webhook's body looks like."""

    STANDARD = "standard"
    """By the Standard Webhooks specification: for programs."""
    SLACK = "slack"
    """A message for Slack's incoming webhooks."""
    TEAMS = "teams"
    """An adaptive card for Microsoft Teams' workflows."""


class WebhookSettings(BaseModel):
    """One address that is told of events. It may be a private one: it is the operator who writes it here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="How deliveries name it; keep it.")
    url: SecretStr = Field(description="http or https; best as `os.environ/NAME` where it carries a secret.")
    secret: SecretStr = Field(
        SecretStr(""), description="`whsec_` and 24 to 64 bytes in base64; signs what is sent. Optional for chats."
    )
    kinds: tuple[EventKind, ...] = Field((), description="Kinds of events; all where none is named.")
    format: WebhookFormat = Field(WebhookFormat.STANDARD, description="`standard`, `slack` or `teams`.")
    timeout_seconds: float = Field(15.0, ge=1, le=60, description="For connecting, sending and the answer together.")

    @field_validator("url")
    @classmethod
    def _web_address(cls, value: SecretStr) -> SecretStr:
        try:
            parts = urlsplit(value.get_secret_value())
            plausible = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            plausible = False
        if not plausible or parts.fragment or not value.get_secret_value().isprintable():
            raise ValueError("must be an address that begins with http:// or https://")
        return value

    @field_validator("secret")
    @classmethod
    def _well_formed(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if not text:
            return value
        try:
            key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not text.startswith(SECRET_PREFIX) or len(key) not in _SECRET_BYTES:
            raise ValueError("must be whsec_ and 24 to 64 bytes in base64 (make one with `solaris deliveries secret`)")
        return value

    @model_validator(mode="after")
    def _signed(self) -> WebhookSettings:
        if self.format is WebhookFormat.STANDARD and not self.secret.get_secret_value():
            raise ValueError("needs a secret, with which it is signed (make one with `solaris deliveries secret`)")
        return self
