"""All settings, validated once: section ``solaris_settings`` of LiteLLM's config file, then ``SOLARIS_*``.

A variable of the environment wins over the file: ``SOLARIS_REFUSAL_STATUS=429`` over
``refusal_status: 402``. A value ``os.environ/NAME`` in the file is read from the environment,
as everywhere in LiteLLM's config.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from solaris_hooks.alert_settings import AlertSettings, WebhookSettings
from solaris_hooks.anomaly_settings import AnomalySettings
from solaris_hooks.database_url import DatabaseUrlError, libpq_url
from solaris_hooks.ledger.records import NewAccount
from solaris_hooks.mail_settings import MailSettings
from solaris_hooks.messages import LOCALES
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.checks import MAX_TOKENS, checked_anchor_day, checked_time_zone
from solaris_hooks.quota.costs import Costs, CostTable
from solaris_hooks.quota.errors import InvalidRequestError, SettingsError
from solaris_hooks.quota.units import Unit, UnitPrices
from solaris_hooks.quota.weights import Weights, WeightTable
from solaris_hooks.roles import Role

SECTION = "solaris_settings"
T = TypeVar("T")
Price = Annotated[Decimal, Field(ge=0, le=1_000_000_000, max_digits=18, decimal_places=9, allow_inf_nan=False)]
Weight = Annotated[Decimal, Field(ge=0, le=1000, max_digits=12, decimal_places=9, allow_inf_nan=False)]


class UnknownUsers(StrEnum):
    """What happens at the first request of a user who has no account."""

    CREATE = "create"
    REFUSE = "refuse"


class NewAccounts(StrEnum):
    """What accounts are that a first request makes."""

    ACTIVE = "active"
    PENDING = "pending"
    """An administrator must approve each: until then its requests are refused."""


class SweepPolicy(StrEnum):
    """What is booked for a request whose end nobody knows, after LiteLLM's own logs were asked."""

    PROMPT = "prompt"
    """The estimate of its prompt, marked as estimated."""
    HOLD = "hold"
    """All that it held."""
    RELEASE = "release"
    """Nothing."""


class WhenAway(StrEnum):
    """What happens to requests while PostgreSQL cannot be reached."""

    FAIL_CLOSED = "fail_closed"
    """They are refused."""
    FAIL_OPEN = "fail_open"
    """They pass, and are written to the journal, to be booked later."""


class ModelWeights(BaseModel):
    """Booked tokens for each token of the provider."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Weight = Decimal(1)
    cached_input: Weight | None = Field(None, description="Default: the weight of input.")
    output: Weight = Decimal(1)


def weight_table(weights: Mapping[str, ModelWeights]) -> WeightTable:
    """Weights by pattern, as the rules take them."""
    return WeightTable(
        {
            pattern: Weights(
                input=each.input,
                cached_input=each.input if each.cached_input is None else each.cached_input,
                output=each.output,
            )
            for pattern, each in weights.items()
        }
    )


class ModelPrices(BaseModel):
    """Booked tokens for what a model does that is not counted in tokens; a unit that is left out has no price."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    image: Price | None = Field(None, description="Each image made or changed.")
    second: Price | None = Field(None, description="Each second of sound that is transcribed.")
    character: Price | None = Field(None, description="Each character that is spoken.")
    call: Price | None = Field(None, description="Each call: of moderation, or of reranking up to 100 documents.")


class ModelCosts(BaseModel):
    """What a model costs whoever runs the service: money for a million tokens of the provider."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Price
    cached_input: Price | None = Field(None, description="Default: the cost of input.")
    output: Price = Decimal(0)


class CreditRequestLimits(BaseModel):
    """How often users may ask for credits, and how many: so that nobody floods the administrators."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    open_limit: int = Field(
        3, ge=0, le=1000, description="Requests of an account that may wait at once; 0: nobody asks."
    )
    per_day: int = Field(5, ge=0, le=1000, description="Requests of an account within 24 hours.")
    max_tokens: int = Field(10_000_000, ge=1, le=MAX_TOKENS, description="Tokens of a request at the most.")


class CreditPackage(BaseModel):
    """Credits on offer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=64, pattern=r"^[\w .+-]+$")
    tokens: int = Field(ge=1, le=MAX_TOKENS)
    price: Annotated[Decimal, Field(ge=0, le=1_000_000_000, decimal_places=4, allow_inf_nan=False)]
    currency: str = Field(pattern="^[A-Z]{3}$", description="ISO 4217, such as BRL.")


class Settings(BaseSettings):
    """Settings of the plugin. Times in seconds, tokens booked (weighted) unless said otherwise."""

    model_config = SettingsConfigDict(env_prefix="SOLARIS_", extra="forbid", frozen=True, env_ignore_empty=True)

    database_url: str = Field("", description="PostgreSQL of the books. Default: DATABASE_URL, LiteLLM's own.")
    litellm_database_url: str = Field(
        "", description="PostgreSQL of LiteLLM's spend logs. Default: DATABASE_URL, else the books' own."
    )
    pool_max_size: int = Field(10, ge=1, le=200, description="Connections at the most, for each worker process.")
    pool_timeout_seconds: float = Field(
        5.0, gt=0, le=60, description="Wait for a free connection, and for an answer on it."
    )
    prepared_statements: bool = Field(
        default=True, description="Set false behind PgBouncer before 1.21 in transaction mode."
    )

    when_database_is_away: WhenAway = Field(
        WhenAway.FAIL_CLOSED, description="fail_closed refuses requests, fail_open lets them pass and books them later."
    )
    journal_dir: str = Field("", description="Folder for what was used and not booked yet; it must outlive a restart.")

    default_plan: str = Field("default", description="Plan of accounts that are made at the first request.")
    default_locale: str = Field("pt_BR", description="Language of new accounts: pt_BR or en.")
    default_time_zone: str = Field("America/Sao_Paulo", description="Time zone of new accounts (IANA name).")
    default_anchor_day: int = Field(1, description="Day of the month on which new accounts renew, 1 to 31.")
    unknown_users: UnknownUsers = Field(UnknownUsers.CREATE, description="create or refuse users never seen.")
    new_accounts: NewAccounts = Field(
        NewAccounts.ACTIVE, description="Accounts made by first requests are active, or pending approval."
    )
    plan_by_team: dict[str, str] = Field(
        default_factory=dict,
        description="Plan of new accounts by LiteLLM team id or alias; before plan_by_email_domain.",
    )
    plan_by_email_domain: dict[str, str] = Field(
        default_factory=dict, description="Plan of new accounts by the domain of their e-mail address."
    )
    shared_teams: list[str] = Field(
        default_factory=list,
        description="LiteLLM teams, by id or alias, whose keys draw from one account, made at their first request.",
    )
    end_user_id_header: str = Field(
        "x-librechat-user-id",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,99}$",
        description="Header in which a trusted service key names the lasting id of its user.",
    )

    weights: dict[str, ModelWeights] = Field(
        default_factory=dict, description="By glob pattern of the model's public name; the first match wins."
    )
    unit_prices: dict[str, ModelPrices] = Field(
        default_factory=dict, description="Booked tokens for each image, second, character or call, by model pattern."
    )
    costs: dict[str, ModelCosts] = Field(
        default_factory=dict, description="What a million tokens cost you, by model pattern: for estimates of cost."
    )
    cost_currency: str = Field("USD", pattern="^[A-Z]{3}$", description="Currency of costs (ISO 4217).")
    meter_master_key: bool = Field(default=False, description="Meter requests made with LiteLLM's master key too.")
    unmetered_call_types: list[str] = Field(
        default_factory=list, description="LiteLLM call types that may pass without being metered."
    )
    unmetered_routes: list[str] = Field(
        default_factory=list, description="Patterns of paths that may pass although they are not metered."
    )
    credit_requests: CreditRequestLimits = Field(
        default_factory=CreditRequestLimits, description="How often and how many credits users may ask for."
    )
    credit_packages: list[CreditPackage] = Field(
        default_factory=list, description="Credits on offer: name, tokens, price and currency of each."
    )
    refusal_status: int = Field(402, ge=400, le=499, description="HTTP status of a refusal for quota.")
    refusals_keep_days: int = Field(90, ge=1, le=3650, description="How long refused requests can be explained.")

    admin_roles: dict[str, Role] = Field(
        default_factory=dict,
        description="By LiteLLM user id: super_admin, admin, operator or auditor; else admin, and viewers auditor.",
    )
    public_url: str = Field("", description="Address at which users reach the proxy; without it they get no links.")
    link_secrets: list[str] = Field(
        default_factory=list,
        repr=False,
        description="What signs links, newest first. Default: derived from LITELLM_SALT_KEY or LITELLM_MASTER_KEY.",
    )
    statement_link_seconds: int = Field(
        900, ge=60, le=86_400, description="How long a link to a statement is good for."
    )
    chat_commands: bool = Field(default=True, description="Answer /saldo, /extrato, /creditos and /ajuda in the chat.")
    chat_notices: bool = Field(
        default=True, description="Add a notice to the streamed answer that crosses a threshold."
    )
    chat_notices_in_whole_answers: bool = Field(
        default=False, description="Add them to chat completions that are not streamed too."
    )

    hold_wait_seconds: float = Field(10.0, ge=0, le=60, description="Wait for tokens held by other requests.")
    hold_lease_seconds: int = Field(120, ge=15, le=3600, description="How long a hold outlives its process.")
    hold_max_seconds: int = Field(7200, ge=60, le=86400, description="How long a request may run at the most.")
    sweep_interval_seconds: float = Field(30.0, ge=1, le=3600, description="Pause between looks for lost holds.")
    sweep_policy: SweepPolicy = Field(
        SweepPolicy.PROMPT, description="Book the prompt's estimate, the whole hold, or nothing (release)."
    )

    checkpoint_key: str = Field(
        "", repr=False, description="Private key that signs checkpoints: path of a PEM file, or the PEM itself."
    )
    checkpoint_directory: str = Field("", description="Folder that the proxies write checkpoints to.")
    checkpoint_interval_seconds: int = Field(
        0, ge=0, le=31_536_000, description="How often a proxy takes a checkpoint; 0 is never."
    )

    anomaly: AnomalySettings = Field(
        default_factory=AnomalySettings, description="When use is far above an account's own pattern."
    )
    mail: MailSettings | None = Field(None, description="The server that takes mails; without it none are sent.")
    alerts: AlertSettings = Field(AlertSettings(), description="Who is told of what, how often, and by whom.")
    webhooks: tuple[WebhookSettings, ...] = Field((), description="Addresses that are told of events.")

    unknown_model_output_tokens: int = Field(
        16384, ge=1, le=10_000_000, description="Output cap where LiteLLM knows no limit of the model."
    )
    learn_from_answers: bool = Field(
        default=True, description="Size holds by what earlier answers of a model needed; false: by limits alone."
    )
    first_stream_tokens: int = Field(
        1024, ge=1, le=1_000_000, description="Output that a stream holds at first, until its model's are known."
    )
    unknown_model_input_tokens: int = Field(
        128_000, ge=1, le=10_000_000, description="Prompt window where LiteLLM knows none of the model."
    )
    media_tokens: int = Field(2000, ge=0, le=1_000_000, description="Estimate for each image in a prompt.")
    estimate_margin_percent: int = Field(
        10, ge=0, le=200, description="Added to a counted prompt, since providers count a little differently."
    )

    @field_validator("default_time_zone")
    @classmethod
    def _known_time_zone(cls, value: str) -> str:
        return _plainly(checked_time_zone, value)

    @field_validator("default_anchor_day")
    @classmethod
    def _day_of_a_month(cls, value: int) -> int:
        return _plainly(checked_anchor_day, value)

    @field_validator("public_url")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be an address such as https://proxy.example.com")
        return value.rstrip("/")

    @field_validator("default_locale")
    @classmethod
    def _known_locale(cls, value: str) -> str:
        if value not in LOCALES:
            raise ValueError(f"must be one of {', '.join(LOCALES)}")
        return value

    @field_validator("plan_by_email_domain")
    @classmethod
    def _domains(cls, value: dict[str, str]) -> dict[str, str]:
        for domain in value:
            if not domain or not set(domain).isdisjoint("@ /*"):
                raise ValueError(f'"{domain}" is no domain; write the part after the @, such as example.org')
        return value

    @field_validator("database_url")
    @classmethod
    def _libpq_url(cls, value: str) -> str:
        try:
            return libpq_url(value or os.environ.get("DATABASE_URL", ""))
        except DatabaseUrlError as exc:
            raise ValueError(str(exc)) from exc

    @field_validator("litellm_database_url")
    @classmethod
    def _libpq_url_of_litellm(cls, value: str, others: ValidationInfo) -> str:
        try:
            return libpq_url(value or os.environ.get("DATABASE_URL", "") or others.data.get("database_url", ""))
        except DatabaseUrlError as exc:
            raise ValueError(str(exc)) from exc

    @field_validator("credit_packages")
    @classmethod
    def _each_name_once(cls, value: list[CreditPackage]) -> list[CreditPackage]:
        if len({each.name for each in value}) < len(value):
            raise ValueError("two packages have the same name")
        return value

    @field_validator("webhooks")
    @classmethod
    def _names_differ(cls, value: tuple[WebhookSettings, ...]) -> tuple[WebhookSettings, ...]:
        names = [each.name for each in value]
        if len(names) > len(set(names)):
            raise ValueError("need names that differ")
        return value

    @field_validator("checkpoint_interval_seconds")
    @classmethod
    def _with_key_and_directory(cls, value: int, others: ValidationInfo) -> int:
        missing = [name for name in ("checkpoint_key", "checkpoint_directory") if not others.data.get(name)]
        if value and missing:
            raise ValueError(f"also needs {' and '.join(missing)}")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings calls it so
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file, whose section comes as arguments."""
        return env_settings, init_settings

    @property
    def journal_folder(self) -> Path:
        """Where the journal is: as set, else in the folder that the user's system has for a program's state."""
        if self.journal_dir:
            return Path(self.journal_dir)
        state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
        return Path(state).expanduser() / "solaris_hooks" / "journal"

    @property
    def new_account(self) -> NewAccount:
        """What an account gets when it is first seen."""
        return NewAccount(
            plan_id=self.default_plan,
            locale=self.default_locale,
            time_zone=self.default_time_zone,
            anchor_day=self.default_anchor_day,
            create=self.unknown_users is UnknownUsers.CREATE,
            status=Status(self.new_accounts.value),
        )

    @property
    def opens_at_sight(self) -> bool:
        """Whether an account may be made where its user only looks: by the API or by a command in the chat.

        Not where it matters who asks for it: of those who look, neither the team is known nor who approved them.
        """
        sorted_out = self.new_accounts is NewAccounts.PENDING or self.plan_by_team or self.plan_by_email_domain
        return self.unknown_users is UnknownUsers.CREATE and not sorted_out

    @property
    def weight_table(self) -> WeightTable:
        """Weights by model."""
        return weight_table(self.weights)

    @property
    def cost_table(self) -> CostTable:
        """What tokens cost, by model."""
        return CostTable(
            {
                pattern: Costs(each.input, each.input if each.cached_input is None else each.cached_input, each.output)
                for pattern, each in self.costs.items()
            },
            currency=self.cost_currency,
        )

    @property
    def price_table(self) -> UnitPrices:
        """Prices of units by model."""
        return UnitPrices(
            {
                pattern: {Unit(name): price for name, price in each if price is not None}
                for pattern, each in self.unit_prices.items()
            }
        )


def load_settings(config_path: Path | None = None) -> Settings:
    """Read and check all settings.

    Args:
        config_path: LiteLLM's config file; None where there is none (environment and defaults alone).

    Raises:
        SettingsError: a value is wrong or a name is unknown; the message names each and what it takes.
    """
    section = _section(config_path) if config_path is not None else {}
    for name in ("database_url", "litellm_database_url"):  # their defaults are looked up, too
        section.setdefault(name, "")
    try:
        return Settings(**section)
    except ValidationError as exc:
        raise SettingsError(_explained(exc)) from exc


def _section(config_path: Path) -> dict[str, Any]:
    try:
        config = yaml.safe_load(config_path.read_text("utf-8")) or {}
    except FileNotFoundError as exc:
        raise SettingsError(f"There is no config file {config_path}; give the path of LiteLLM's config.") from exc
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        raise SettingsError(f"The config file {config_path} cannot be read: {exc}") from exc
    section = config.get(SECTION) if isinstance(config, dict) else None
    if section is None:
        return {}
    if not isinstance(section, dict) or not all(isinstance(name, str) for name in section):
        raise SettingsError(f"{SECTION} in {config_path} must be a list of `name: value` lines.")
    return {name: _from_environment(name, value) for name, value in section.items()}


def _from_environment(name: str, value: object) -> object:
    if isinstance(value, dict):
        return {inner: _from_environment(f"{name}.{inner}", each) for inner, each in value.items()}
    if isinstance(value, list):
        return [_from_environment(f"{name}.{position}", each) for position, each in enumerate(value)]
    if not isinstance(value, str) or not value.startswith("os.environ/"):
        return value
    variable = value.removeprefix("os.environ/")
    if variable not in os.environ:
        raise SettingsError(f"{SECTION}.{name} reads the environment variable {variable}, which is not set.")
    return os.environ[variable]


def _explained(error: ValidationError) -> str:
    lines = []
    for each in error.errors(include_url=False, include_input=False):
        name = ".".join(str(part) for part in each["loc"])
        if each["type"] == "extra_forbidden":
            lines.append(f"{SECTION}.{name}: there is no such setting; see the settings table in the README.")
        else:
            variable = f"SOLARIS_{str(each['loc'][0]).upper()}"
            lines.append(f"{SECTION}.{name} (or {variable}): {each['msg'].removeprefix('Value error, ')}")
    return "\n".join(lines)


def _plainly(check: Callable[[T], object], value: T) -> T:
    try:
        check(value)
    except InvalidRequestError as exc:
        raise ValueError(exc.message) from exc
    return value
