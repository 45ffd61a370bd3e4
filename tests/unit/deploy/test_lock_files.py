"""The lock files pin everything by its hash, and name no place that it comes from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from deploy.local.checkout import ENGINE, REQUIREMENTS

LOCKS = sorted(REQUIREMENTS.glob("*.txt"))


@pytest.mark.parametrize("lock", [*LOCKS, ENGINE / "package-lock.json"], ids=lambda path: path.name)
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


def test_every_npm_package_is_pinned_by_version_and_hash() -> None:
    packages = json.loads((ENGINE / "package-lock.json").read_text())["packages"]
    installed = {name: package for name, package in packages.items() if name}
    assert installed
    for name, package in installed.items():
        assert package["integrity"].startswith("sha512-"), name


def test_what_runs_is_also_what_is_tested() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^([a-z0-9._\[\]-]+==[^\s;]+)", (REQUIREMENTS / name).read_text(), re.MULTILINE))

    assert pins("runtime.txt") <= pins("dev.txt")
