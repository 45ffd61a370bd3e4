"""What this process runs on."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata

import solaris_hooks

PACKAGES = ("litellm", "psycopg", "procrastinate")


def versions() -> Mapping[str, str]:
    """Of this process's Python and packages."""
    found = {"solaris-hooks": solaris_hooks.__version__}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {**found, "Python": platform.python_version()}
