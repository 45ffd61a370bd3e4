"""All settings by name, with their checks."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from solaris_hooks.alert_settings import AlertSettings, WebhookSettings
from solaris_hooks.anomaly_settings import AnomalySettings
from solaris_hooks.database_url import DatabaseUrlError, libpq_url
from solaris_hooks.ledger.records import NewAccount
from solaris_hooks.mail_settings import MailSettings
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.costs import CostTable
from solaris_hooks.quota.units import Unit, UnitPrices
from solaris_hooks.quota.weights import WeightTable
from solaris_hooks.roles import Role
from solaris_hooks.settings.choices import NewAccounts, SweepPolicy, UnknownUsers, WhenAway
from solaris_hooks.settings.credits import CreditPackage, CreditRequestLimits
from solaris_hooks.settings.models import ModelCosts, ModelPrices, ModelWeights, weight_table
from solaris_hooks.settings.values import AnchorDay, Locale, PlanByDomain, TimeZone, WebAddress


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
    default_locale: Locale = Field("pt_BR", description="Language of new accounts: pt_BR or en.")
    default_time_zone: TimeZone = Field("America/Sao_Paulo", description="Time zone of new accounts (IANA name).")
    default_anchor_day: AnchorDay = Field(1, description="Day of the month on which new accounts renew, 1 to 31.")
    unknown_users: UnknownUsers = Field(UnknownUsers.CREATE, description="create or refuse users never seen.")
    new_accounts: NewAccounts = Field(
        NewAccounts.ACTIVE, description="Accounts made by first requests are active, or pending approval."
    )
    plan_by_team: dict[str, str] = Field(
        default_factory=dict,
        description="Plan of new accounts by LiteLLM team id or alias; before plan_by_email_domain.",
    )
    plan_by_email_domain: PlanByDomain = Field(
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
        default_factory=dict,
        description="What a million tokens, or one unit, cost you, by model pattern: for estimates of cost.",
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
    public_url: WebAddress = Field(
        "", description="Address at which users reach the proxy; without it they get no links."
    )
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
    freeze_heap: bool = Field(
        default=True, description="Keep Python's garbage collector from walking over what is there since the start."
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
        """What use costs, by model."""
        return CostTable({pattern: each.costs for pattern, each in self.costs.items()}, currency=self.cost_currency)

    @property
    def price_table(self) -> UnitPrices:
        """Prices of units by model."""
        return UnitPrices(
            {
                pattern: {Unit(name): price for name, price in each if price is not None}
                for pattern, each in self.unit_prices.items()
            }
        )
