"""Section ``mail`` of the settings: which server takes mails, and what they say they come from."""

from __future__ import annotations

from email.errors import MessageError
from email.headerregistry import Address
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

_HERE = ("localhost", "127.0.0.1", "::1")


class MailSecurity(StrEnum):
    """How the connection to the mail server is protected; certificates are always checked."""

    STARTTLS = "starttls"
    """It begins in the clear and must change to TLS before anything is said."""
    TLS = "tls"
    NONE = "none"


_PORTS = {MailSecurity.STARTTLS: 587, MailSecurity.TLS: 465, MailSecurity.NONE: 25}


class MailSettings(BaseModel):
    """How mails are sent. Without this section none are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(min_length=1, description="Name or address of the SMTP server.")
    port: int | None = Field(None, ge=1, le=65535, description="Default: 587 (starttls), 465 (tls) or 25 (none).")
    security: MailSecurity = Field(
        MailSecurity.STARTTLS, description="`starttls` (required then), `tls`, or `none` for a server nearby."
    )
    ca_file: str = Field("", description="PEM file of authorities that are trusted besides the system's.")
    username: str = Field("", description="Signs in with this name; empty: does not sign in.")
    password: SecretStr = Field(SecretStr(""), description="Best as `os.environ/SMTP_PASSWORD`.")
    from_address: str = Field(description="Address that mails come from.")
    from_name: str = Field("SOLARIS", max_length=80, description="Name that mails come from; also their heading.")
    reply_to: str = Field("", description="Address that answers go to; empty: `from_address`.")
    timeout_seconds: float = Field(20.0, gt=0, le=300, description="Patience with each step of the conversation.")
    template_directory: str = Field("", description="Folder of your own templates.")

    @field_validator("host", "username", "from_name", "reply_to", "from_address")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("must be one line of printable characters")
        return value

    @field_validator("from_address", "reply_to")
    @classmethod
    def _mailbox(cls, value: str) -> str:
        return mailbox(value).addr_spec if value else value

    @field_validator("from_address")
    @classmethod
    def _given(cls, value: str) -> str:
        if not value:
            raise ValueError("must be an e-mail address")
        return value

    @field_validator("ca_file")
    @classmethod
    def _file(cls, value: str) -> str:
        if value and not Path(value).is_file():
            raise ValueError(f"there is no file {value}")
        return value

    @field_validator("template_directory")
    @classmethod
    def _folder(cls, value: str) -> str:
        if value and not Path(value).is_dir():
            raise ValueError(f"there is no folder {value}")
        return value

    @model_validator(mode="after")
    def _password_not_in_the_clear(self) -> MailSettings:
        if self.username and self.security is MailSecurity.NONE and self.host not in _HERE:
            raise ValueError("security: none would send the password in the clear; use starttls or tls")
        return self

    @property
    def port_number(self) -> int:
        """The port, or the usual one."""
        return self.port or _PORTS[self.security]


def mailbox(text: str) -> Address:
    """An e-mail address, with its domain as DNS has it (ASCII).

    Raises:
        ValueError: it is none.
    """
    try:
        found = Address(addr_spec=text)
        domain = found.domain.encode("idna").decode("ascii")
    except (ValueError, IndexError, MessageError) as exc:
        raise ValueError("must be an e-mail address") from exc
    if not (found.username and domain and text.isprintable() and " " not in text):
        raise ValueError("must be an e-mail address")
    return Address(username=found.username, domain=domain)
