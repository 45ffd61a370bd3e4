"""Published parts of LibreChat that tests check ours against."""

from __future__ import annotations

from .checkout import LIBRECHAT_CLIENT, LIBRECHAT_SCHEMA
from .node import find_node
from .npm import ensure_npm_packages


def ensure_librechat_schema() -> None:
    """Install LibreChat's schema of its config file (22 MB), which the examples are checked by."""
    ensure_npm_packages(
        LIBRECHAT_SCHEMA, find_node(), step="librechat_schema", what="LibreChat's schema of its config file"
    )


def ensure_librechat_client() -> None:
    """Install LibreChat's LLM client library, and the Node.js that it needs (565 MB)."""
    ensure_npm_packages(
        LIBRECHAT_CLIENT, find_node(), step="librechat_client", what="LibreChat's LLM client library (565 MB)"
    )
