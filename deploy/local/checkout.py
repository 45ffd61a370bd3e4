"""Where things are in a checkout of this project."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
VENV_BIN = VENV / "bin"
VENV_PYTHON = VENV_BIN / "python"
REQUIREMENTS = ROOT / "requirements"
CACHE = ROOT / ".cache"
ENGINE = ROOT / "deploy" / "prisma-engine"
LIBRECHAT_SCHEMA = ROOT / "deploy" / "librechat" / "schema"
LIBRECHAT_CLIENT = ROOT / "tests" / "librechat" / "client"
DEFAULT_CONFIG = ROOT / "litellm_config.yaml"
DEFAULT_STATE = ROOT / ".state"
SIMULATED_PROVIDER = ROOT / "deploy" / "simulated_provider.py"


def say(line: str) -> None:
    """Tell the person at the terminal how far things are; on stderr, so that stdout stays machine-readable."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - this is a command's own output


def from_root(path: str | os.PathLike[str]) -> Path:
    """Resolve a path that a person gave, relative to the checkout as `make` runs there."""
    return (ROOT / Path(path).expanduser()).resolve()
