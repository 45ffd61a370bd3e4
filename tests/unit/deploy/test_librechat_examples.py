"""The examples of LibreChat's config file, held to the schema that LibreChat publishes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from deploy.local.checkout import LIBRECHAT_SCHEMA
from deploy.local.node import find_node

FOLDER = LIBRECHAT_SCHEMA.parent
EXAMPLES = sorted(FOLDER.glob("*.yaml"))


def checked(file: Path) -> tuple[int, str]:
    """Exit code and complaints of LibreChat's schema."""
    assert (LIBRECHAT_SCHEMA / "node_modules").exists(), "run `make setup-dev`: LibreChat's schema is not installed"
    done = subprocess.run(
        [find_node(), LIBRECHAT_SCHEMA / "check.mjs", file], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stderr


def test_there_is_an_example_of_either_way() -> None:
    assert [each.name for each in EXAMPLES] == ["librechat.service-key.yaml", "librechat.yaml"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_librechat_takes_every_line_of_an_example(example: Path) -> None:
    assert checked(example) == (0, "")


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("cache: true", "cach: true", "cach"),
        ("titleConvo:", "titelConvo:", "endpoints.custom.0.titelConvo"),
        ('titleTiming: "final"', 'titleTiming: "late"', "titleTiming"),
        ('baseURL: "http://litellm-proxy:4000/v1"', "baseURL: 7", "baseURL"),
    ],
)
def test_a_wrong_line_is_found(tmp_path: Path, right: str, wrong: str, complaint: str) -> None:
    text = (FOLDER / "librechat.yaml").read_text("utf-8")
    assert right in text
    file = tmp_path / "librechat.yaml"
    file.write_text(text.replace(right, wrong), "utf-8")
    code, said = checked(file)
    assert code == 1
    assert complaint in said


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_titles_wait_for_the_answer_and_go_to_its_model(example: Path) -> None:
    (endpoint,) = yaml.safe_load(example.read_text("utf-8"))["endpoints"]["custom"]
    assert (endpoint["titleConvo"], endpoint["titleModel"], endpoint["titleTiming"]) == (True, "current_model", "final")


def test_the_shared_key_comes_with_both_the_id_and_the_address() -> None:
    text = (FOLDER / "librechat.service-key.yaml").read_text("utf-8")
    (endpoint,) = yaml.safe_load(text)["endpoints"]["custom"]
    assert endpoint["apiKey"] == "${LITELLM_SERVICE_KEY}"
    assert endpoint["headers"]["x-librechat-user-id"] == "{{LIBRECHAT_USER_ID}}"
    assert endpoint["headers"]["x-litellm-end-user-id"] == "{{LIBRECHAT_USER_EMAIL}}"
