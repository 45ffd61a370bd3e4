"""npm packages from a folder's lock file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .checkout import say
from .node import npm_beside, with_node_first
from .packages import fingerprint, read_stamp, run_step, write_stamp

if TYPE_CHECKING:
    from pathlib import Path


def ensure_npm_packages(folder: Path, node: Path, *, step: str, what: str, undoes: str = "") -> None:
    """Install what a folder's lock file names; do nothing where that is done.

    Args:
        folder: it holds package.json and package-lock.json.
        node: the Node.js beside which npm is.
        step: its name in the set-up's record.
        what: what is installed, for people.
        undoes: the step that has to be done anew after this one.

    Raises:
        LocalError: npm failed.

    """
    wanted = fingerprint(folder / "package.json", folder / "package-lock.json")
    if (folder / "node_modules" / ".package-lock.json").exists() and read_stamp().get(step) == wanted:
        return
    say(f"installing {what}")
    env = {**os.environ, "PATH": with_node_first(node, os.environ.get("PATH", ""))}
    # No package's own script runs: the lock's hashes then say all there is to say about what was installed.
    argv = [str(npm_beside(node)), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)]
    remedy = "check the network and npm's registry setting, then run the command again"
    run_step(argv, what=f"npm could not install {what}", remedy=remedy, env=env)
    write_stamp(**{step: wanted}, **({undoes: ""} if undoes else {}))
