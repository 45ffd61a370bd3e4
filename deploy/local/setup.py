"""Everything that is installed, in order; each step does nothing when it was done before."""

from __future__ import annotations

from typing import cast

from .errors import LocalError
from .packages import Profile, ensure_packages, setup_lock
from .prisma import ensure_prisma


def set_up(profile: str) -> int:
    """Install Python packages, Prisma's npm packages, its engine and LiteLLM's client.

    Args:
        profile: ``runtime`` for `make up`, ``dev`` for tests and checks.

    Returns:
        The exit code 0.

    Raises:
        LocalError: a step failed.

    """
    if profile not in ("runtime", "dev"):
        raise LocalError(f"there is no set-up {profile!r}", "use runtime or dev")
    with setup_lock():
        ensure_packages(cast("Profile", profile))
        ensure_prisma()
    return 0
