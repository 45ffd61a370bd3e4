"""The environment in which the stock `litellm` command runs."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from .prisma import recorded_engine
from .providers import SIMULATED_URL

if TYPE_CHECKING:
    from collections.abc import Mapping

# LiteLLM fetches these lists at each start otherwise; the copies in its package are as old as its release.
QUIET = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
    "LITELLM_LOCAL_AUTOROUTER_PRESETS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
}
# Nothing listens there: a demo model without its provider then fails here, and asks nobody on the internet.
NO_PROVIDER = "http://127.0.0.1:9/v1"


def proxy_environment(*, database_url: str, master_key: str, salt_key: str, provider_url: str | None) -> dict[str, str]:
    """Return the variables that `litellm --config litellm_config.yaml` needs beside the user's own.

    Args:
        database_url: PostgreSQL, for LiteLLM and for the ledger.
        master_key: the proxy's administrator key.
        salt_key: what LiteLLM encrypts stored credentials with.
        provider_url: where the simulated provider listens, if it runs.

    Raises:
        LocalError: set-up has not finished.

    """
    given = {name: os.environ[name] for name in QUIET if os.environ.get(name)}
    return {
        **QUIET,
        **given,
        **recorded_engine().environment(),
        "DATABASE_URL": database_url,
        "LITELLM_MASTER_KEY": master_key,
        "LITELLM_SALT_KEY": salt_key,
        SIMULATED_URL: provider_url or os.environ.get(SIMULATED_URL) or NO_PROVIDER,
    }


def as_exports(variables: Mapping[str, str]) -> str:
    """Return lines that a shell can `eval`, whatever the values hold."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())
