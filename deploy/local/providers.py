"""Which provider keys a LiteLLM config asks for, and whether its demo models need the simulated provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from .errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SIMULATED_URL = "SIMULATED_PROVIDER_URL"
_FROM_ENVIRONMENT = "os.environ/"


@dataclass(frozen=True)
class ConfiguredModels:
    """What a config says of its models, as far as starting it needs to know."""

    names: tuple[str, ...]
    simulated: tuple[str, ...]
    """Those that the simulated provider answers."""
    keys: frozenset[str]
    """The environment variables that hold provider keys."""

    def has_key(self, environment: Mapping[str, str]) -> bool:
        """Return whether the environment holds a key of any provider that the config names."""
        return any(environment.get(name) for name in self.keys)

    def model_to_try(self, environment: Mapping[str, str]) -> str | None:
        """Return a model that can answer with the keys that there are."""
        real = [name for name in self.names if name not in self.simulated]
        wanted = [*real, *self.simulated] if self.has_key(environment) else [*self.simulated, *real]
        return wanted[0] if wanted else None


def read_models(config: Path) -> ConfiguredModels:
    """Read a LiteLLM config's model list.

    Raises:
        LocalError: the file is no YAML mapping.

    """
    try:
        content = yaml.safe_load(config.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())[:200]
        raise LocalError(
            f"the LiteLLM config {config} cannot be read ({reason})", "mend it, or name another with CONFIG=..."
        ) from error
    if not isinstance(content, dict):
        raise LocalError(
            f"the LiteLLM config {config} holds no settings", "write a model_list, or name another with CONFIG=..."
        )
    names: list[str] = []
    simulated: list[str] = []
    keys: set[str] = set()
    for name, parameters in _models(content):
        names.append(name)
        if parameters.get("api_base") == _FROM_ENVIRONMENT + SIMULATED_URL:
            simulated.append(name)
        key = parameters.get("api_key")
        if isinstance(key, str) and key.startswith(_FROM_ENVIRONMENT):
            keys.add(key.removeprefix(_FROM_ENVIRONMENT))
    return ConfiguredModels(tuple(dict.fromkeys(names)), tuple(dict.fromkeys(simulated)), frozenset(keys))


def _models(content: dict[str, object]) -> Iterator[tuple[str, dict[str, object]]]:
    models = content.get("model_list")
    for model in models if isinstance(models, list) else []:
        parameters = model.get("litellm_params") if isinstance(model, dict) else None
        if isinstance(parameters, dict):
            yield str(model.get("model_name", "")), parameters
