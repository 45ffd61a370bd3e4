"""The whole path for real: stock LiteLLM processes, PostgreSQL, a provider that keeps books of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.testing import StockProxy, fresh_database, simulated_provider, stock_proxy
from tests.e2e.world import World

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def provider_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The simulated provider, with ``/v1``."""
    with simulated_provider(tmp_path_factory.mktemp("provider")) as url:
        yield url


def _models_of_other_routes(simulated: dict[str, str], limits: dict[str, int]) -> list[dict[str, object]]:
    """The simulated provider as LiteLLM reaches it for routes other than chat."""
    anthropic = {"api_base": "os.environ/SIMULATED_PROVIDER_ROOT", "api_key": "simulated"}
    google = {"api_base": "os.environ/SIMULATED_PROVIDER_GOOGLE", "api_key": "simulated"}
    return [
        {"model_name": name, "litellm_params": {"model": model, **reached}, "model_info": limits}
        for name, model, reached in (
            ("text", "text-completion-openai/text", simulated),
            ("claude", "anthropic/claude-sonnet-4-5", anthropic),
            ("google", "gemini/gemini-2.5-flash", google),
            ("image", "openai/gpt-image-1", simulated),
            ("voice", "openai/tts-1", simulated),
            ("ear", "openai/whisper-1", simulated),
            ("ranker", "cohere/rerank", anthropic),
            ("token-ranker", "hosted_vllm/rerank", simulated),
            ("judge", "openai/omni-moderation-latest", simulated),
            ("free-image", "openai/gpt-image-1", simulated),
            ("chat-only", "hosted_vllm/chat-only", simulated),
            ("bridged", "deepseek/deepseek-chat", simulated),
        )
    ]


@pytest.fixture(scope="session")
def config() -> dict[str, object]:
    """The project's own config, with short waits and some models that tests need."""
    loaded: dict[str, object] = yaml.safe_load((ROOT / "litellm_config.yaml").read_text("utf-8"))
    simulated = {"api_base": "os.environ/SIMULATED_PROVIDER_URL", "api_key": "simulated"}
    limits = {"max_input_tokens": 128_000, "max_output_tokens": 4096}
    models: list[dict[str, object]] = [
        {"model_name": name, "litellm_params": {"model": f"openai/{name}", **simulated}, "model_info": limits}
        for name in ("demo", "heavy", "light", "backup", "quiet")
    ]
    models += _models_of_other_routes(simulated, limits)
    models.append({"model_name": "boundless", "litellm_params": {"model": "openai/nobody-knows-it", **simulated}})
    models.append(
        {
            "model_name": "hasty",
            "litellm_params": {"model": "openai/hasty", **simulated, "timeout": 1, "num_retries": 0},
            "model_info": limits,
        }
    )
    loaded["model_list"] = models
    loaded["router_settings"] = {"fallbacks": [{"light": ["backup"]}], "num_retries": 1, "retry_after": 0}
    loaded["general_settings"]["plugins"] = [  # type: ignore[index]
        {"name": "solaris", "display_name": "Solaris", "url": "https://tokens.example.com/solaris/admin"}
    ]
    loaded["solaris_settings"] = {
        "hold_wait_seconds": 1.0,
        "public_url": "https://tokens.example.com",
        # Simulated answers are as tests want them: no test shall depend on those before it.
        "learn_from_answers": False,
        "unknown_model_output_tokens": 500,
        "unit_prices": {
            "free-*": {"image": 0},
            "image": {"image": 1000, "call": "0.5"},
            "voice": {"character": "1.5"},
            "ear": {"second": 10},
            "*ranker": {"call": 100},
            "judge": {"call": 7},
        },
        "weights": {
            "image": {"output": 2},
            "heavy": {"input": "0.376", "cached_input": "0.1", "output": "1.5"},
            "backup": {"output": 2},
        },
    }
    return loaded


@pytest.fixture(scope="session")
def database_url(postgres: EmbeddedPostgres) -> str:
    """The database of the proxy that most tests share."""
    return fresh_database(postgres, with_litellm_tables=True)


def _proxy(config: dict[str, object], database_url: str, provider_url: str, folder: Path) -> Iterator[StockProxy]:
    with stock_proxy(
        config,
        database_url=database_url,
        folder=folder,
        provider_url=provider_url,
        env={
            "SIMULATED_PROVIDER_ROOT": provider_url.removesuffix("/v1"),
            "SIMULATED_PROVIDER_GOOGLE": f"{provider_url}beta",
        },
    ) as running:
        yield running


@pytest.fixture(scope="session")
def proxy(
    config: dict[str, object], database_url: str, provider_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StockProxy]:
    """One stock proxy with the plugin, shared by all tests that need no other; tests use users of their own."""
    yield from _proxy(config, database_url, provider_url, tmp_path_factory.mktemp("proxy"))


@pytest.fixture
def world(proxy: StockProxy, database_url: str, provider_url: str) -> World:
    """What a test does and sees: chats as users, and both books."""
    return World(proxy=proxy, database_url=database_url, provider_url=provider_url)


@pytest.fixture(scope="session")
def quiet_proxy(
    config: dict[str, object], database_url: str, provider_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StockProxy]:
    """A proxy that few keys ask.

    Without Redis, LiteLLM's own limits of requests a minute do not hold on a process that some 65 keys have used within
    ten minutes: see `docs/how-to/scale-out.md`.
    """
    yield from _proxy(config, database_url, provider_url, tmp_path_factory.mktemp("quiet-proxy"))


@pytest.fixture
def quiet_world(quiet_proxy: StockProxy, database_url: str, provider_url: str) -> World:
    """The same, through a proxy on which LiteLLM's own rate limits hold."""
    return World(proxy=quiet_proxy, database_url=database_url, provider_url=provider_url)
