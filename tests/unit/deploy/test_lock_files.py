"""The lock files pin everything by its hash, and name no place that it comes from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from deploy.local.checkout import ENGINE, LIBRECHAT_CLIENT, LIBRECHAT_SCHEMA, REQUIREMENTS

LOCKS = sorted(REQUIREMENTS.glob("*.txt"))
NPM = [folder / "package-lock.json" for folder in (ENGINE, LIBRECHAT_SCHEMA, LIBRECHAT_CLIENT)]


@pytest.mark.parametrize("lock", [*LOCKS, *NPM], ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_lock_file_names_a_registry(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_python_package_is_pinned_by_version_and_hash(lock: Path) -> None:
    text = lock.read_text()
    blocks = re.split(r"\n(?=\S)", text.replace("\\\n", " "))
    packages = [block for block in blocks if not block.startswith("#")]
    assert packages
    for package in packages:
        assert re.match(r"[a-z0-9._\[\]-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", package, re.DOTALL), package


@pytest.mark.parametrize("lock", NPM, ids=lambda path: path.parent.name)
def test_every_npm_package_is_pinned_by_version_and_hash(lock: Path) -> None:
    packages = json.loads(lock.read_text())["packages"]
    installed = {name: package for name, package in packages.items() if name}
    assert installed
    for name, package in installed.items():
        assert package["integrity"].startswith("sha512-"), name


def test_what_runs_is_also_what_is_tested() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^([a-z0-9._\[\]-]+==[^\s;]+)", (REQUIREMENTS / name).read_text(), re.MULTILINE))

    assert pins("runtime.txt") <= pins("dev.txt")
