"""A virtual key to try the proxy with, made once through LiteLLM's own API."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import httpx

from .errors import LocalError

if TYPE_CHECKING:
    from .state import State

USER = "demo"
SECRET = "demo-key"  # noqa: S105 - the name of the file, not a secret
_SECONDS = 60.0


def demo_key(state: State, base_url: str, master_key: str) -> str:
    """Return the stored demo key if the proxy still takes it, else a new one of the user `demo`.

    Raises:
        LocalError: the proxy makes none.

    """
    with httpx.Client(base_url=base_url, timeout=_SECONDS, trust_env=False) as client:
        kept = state.secret(SECRET)
        if kept is not None and client.get("/v1/models", headers=_bearer(kept)).status_code == httpx.codes.OK:
            return kept
        return state.keep_secret(SECRET, make_key(client, master_key, user=USER))


def make_key(client: httpx.Client, master_key: str, *, user: str) -> str:
    """Make a user, unless there is one, and a key of that user; in that order, or LiteLLM looks for him each time.

    Raises:
        LocalError: LiteLLM refused.

    """
    admin = _bearer(master_key)
    made = client.post("/user/new", headers=admin, json={"user_id": user, "auto_create_key": False})
    if made.status_code != httpx.codes.CONFLICT:
        _require(made, f"LiteLLM did not make the user {user}")
    alias = f"{user}-{secrets.token_hex(4)}"
    key = client.post("/key/generate", headers=admin, json={"user_id": user, "key_alias": alias})
    _require(key, f"LiteLLM did not make a key for the user {user}")
    return str(key.json()["key"])


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _require(response: httpx.Response, what: str) -> None:
    if response.status_code != httpx.codes.OK:
        said = " ".join(response.text.split())[:200]
        raise LocalError(f"{what} ({response.status_code}: {said})", "see LiteLLM's log")
