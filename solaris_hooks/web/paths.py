"""Addresses of the plugin as a browser sees them."""

from __future__ import annotations

from starlette.requests import Request

from solaris_hooks.web.asgi import MOUNT_PATH


def root_of(request: Request) -> str:
    """What the addresses of this plugin begin with: LiteLLM's own root path is a part of it."""
    prefix = str(request.scope.get("app_root_path") or "")
    return f"{prefix}{MOUNT_PATH}"
