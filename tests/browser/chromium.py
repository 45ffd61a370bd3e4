"""Finds the Chromium that tests open pages in: the machine's own, never one that is downloaded.

``python -m tests.browser.chromium`` prints its path, or what to install.
"""

from __future__ import annotations

import os
import shutil
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
MISSING = (
    "there is no Chromium on this machine: install it (Debian: apt-get install chromium fonts-liberation), "
    "or name an executable with CHROMIUM=/path/to/chromium"
)

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
"""It asks nobody but the site, and needs no display; tests of this repository may run as root."""


def find_chromium() -> str | None:
    """Path of the executable, or None."""
    named = os.environ.get("CHROMIUM")
    return next((found for name in ([named] if named else NAMES) if (found := shutil.which(name))), None)


def main() -> int:
    """Say where it is, or what to do."""
    found = find_chromium()
    if found is None:
        print(f"error: {MISSING}", file=sys.stderr)  # noqa: T201 - for whoever typed the command
        return 1
    print(found)  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
