"""Python and the packages: their versions, and whether Prisma's client and engine are there."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from solaris_hooks.cli.checks.finding import Finding, fail, ok, warn

Version = tuple[int, ...]
OLDEST_PYTHON, FIRST_UNTRIED_PYTHON = (3, 11), (3, 14)


@dataclass(frozen=True, slots=True)
class Supported:
    """Versions of a package that work: from ``oldest``, below ``below``."""

    oldest: Version
    below: Version
    remedy: str


SUPPORTED = {
    # 1.107 was withdrawn after a compromise of its release.
    "litellm": Supported((1, 106, 2), (1, 107), "pip install 'litellm[proxy]>=1.106.2,<1.107'"),
    # Later ones lack an attribute that LiteLLM 1.106 writes.
    "prisma": Supported((0, 11, 0), (0, 11, 1), "pip install prisma==0.11.0"),
    "psycopg": Supported((3, 2, 10), (4,), "pip install 'psycopg[binary,pool]>=3.2.10,<4'"),
}
"""As in pyproject.toml; a test compares them."""

ENGINE_VARIABLES = ("PRISMA_QUERY_ENGINE_BINARY", "PRISMA_SCHEMA_ENGINE_BINARY")


def python(version: Version = sys.version_info[:3]) -> Finding:
    """Python's version."""
    shown = ".".join(map(str, version))
    if not OLDEST_PYTHON <= version[:2] < FIRST_UNTRIED_PYTHON:
        return fail("python", f"{shown} is not supported; use 3.11, 3.12 or 3.13.")
    return ok("python", shown)


def packages(installed: Callable[[str], str] = metadata.version) -> list[Finding]:
    """Versions of the packages that must be just right."""
    return [_package(name, supported, installed) for name, supported in SUPPORTED.items()]


def _package(name: str, supported: Supported, installed: Callable[[str], str]) -> Finding:
    try:
        version = installed(name)
    except metadata.PackageNotFoundError:
        return fail(name, f"is not installed; run {supported.remedy}.")
    release = tuple(int(part) for part in re.match(r"\d+(?:\.\d+)*", version + ".0")[0].split("."))  # type: ignore[index]
    if not supported.oldest <= release < supported.below:
        return fail(name, f"{version} is not supported; run {supported.remedy}.")
    return ok(name, version)


def prisma_client(folder: Path | None = None) -> Finding:
    """Whether `prisma generate` has run: LiteLLM has no virtual keys without it.

    Args:
        folder: of the package; the installed one's by default. It is not imported, which takes seconds.
    """
    if folder is None:
        found = util.find_spec("prisma")
        folder = Path(found.origin).parent if found is not None and found.origin else None
    if folder is not None and (folder / "client.py").is_file():
        return ok("prisma client", "is generated")
    return fail(
        "prisma client",
        "is not generated; run `make setup`, or `prisma generate --schema <litellm>/proxy/schema.prisma`.",
    )


def prisma_engine(environment: Mapping[str, str] | None = None) -> Finding:
    """Whether the engine programs that the environment names are there."""
    environment = os.environ if environment is None else environment
    named = {name: Path(environment[name]) for name in ENGINE_VARIABLES if environment.get(name)}
    for name, path in named.items():
        if not os.access(path, os.X_OK):
            return fail("prisma engine", f"{name} names {path}, which is no program; run `make setup`.")
    if len(named) == 1:
        return warn("prisma engine", f"only {next(iter(named))} is set; set both of {' and '.join(ENGINE_VARIABLES)}.")
    return ok("prisma engine", "as the environment names it" if named else "Prisma's own")
