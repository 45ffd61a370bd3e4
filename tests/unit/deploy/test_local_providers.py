"""Reading a LiteLLM config: whose keys it wants and which models the simulated provider answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.local.checkout import DEFAULT_CONFIG
from deploy.local.errors import LocalError
from deploy.local.providers import read_models

if TYPE_CHECKING:
    from pathlib import Path


def test_the_projects_own_config_has_a_demo_model_and_real_ones() -> None:
    models = read_models(DEFAULT_CONFIG)
    assert "demo" in models.simulated
    assert "OPENAI_API_KEY" in models.keys


def test_without_a_key_the_demo_model_is_the_one_to_try() -> None:
    models = read_models(DEFAULT_CONFIG)
    assert not models.has_key({"OPENAI_API_KEY": ""})
    assert models.model_to_try({}) == "demo"


def test_with_a_key_a_real_model_is_the_one_to_try() -> None:
    models = read_models(DEFAULT_CONFIG)
    environment = {"OPENAI_API_KEY": "sk-x"}
    assert models.has_key(environment)
    assert models.model_to_try(environment) not in {None, "demo"}


def test_a_config_without_models_has_none_to_try(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("general_settings: {}\n")
    assert read_models(file).model_to_try({}) is None


@pytest.mark.parametrize("content", ["a: [", "just text", "", "\x00"])
def test_a_config_that_cannot_be_read_is_one_line(tmp_path: Path, content: str) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(content)
    with pytest.raises(LocalError, match="CONFIG="):
        read_models(file)
