"""Everything that is installed, in order; each step does nothing when it was done before."""

from __future__ import annotations

from .errors import LocalError
from .librechat import ensure_librechat_client, ensure_librechat_schema
from .packages import ensure_packages, setup_lock
from .prisma import ensure_prisma


def set_up(profile: str) -> int:
    """Install Python packages, Prisma's npm packages, its engine and LiteLLM's client.

    Args:
        profile: ``runtime`` for `make up`, ``dev`` for tests and checks, ``librechat`` for the tests with parts of it.

    Returns:
        The exit code 0.

    Raises:
        LocalError: a step failed.

    """
    if profile not in ("runtime", "dev", "librechat"):
        raise LocalError(f"there is no set-up {profile!r}", "use runtime, dev or librechat")
    with setup_lock():
        ensure_packages("runtime" if profile == "runtime" else "dev")
        ensure_prisma()
        if profile != "runtime":
            ensure_librechat_schema()
        if profile == "librechat":
            ensure_librechat_client()
    return 0
