"""LiteLLM's config file, as far as it matters here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

import solaris_hooks
from solaris_hooks.cli.checks.finding import Finding, fail, ok, warn
from solaris_hooks.ledger.journal.adoption import can_be_written

CALLBACK = "solaris_hooks.plugin.proxy_handler"
SHORTEST_MASTER_KEY = 20
KNOWN_MASTER_KEYS = frozenset({"sk-1234", "sk-12345", "sk-123456", "sk-1234567890", "sk-litellm-master-key"})


def config_file(path: Path | None, environment: Mapping[str, str] | None = None) -> list[Finding]:
    """All checks of the config file.

    Args:
        path: the file; None where none was given and none is here.
        environment: of the process; for values that read ``os.environ/NAME``.
    """
    if path is None:
        return [warn("config", "was not checked: there is no litellm_config.yaml here; name it with --config.")]
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        return [fail("config", f"{path} cannot be read: {str(exc).splitlines()[0]}; correct it.")]
    config = content if isinstance(content, dict) else {}
    litellm = _section(config, "litellm_settings")
    general = _section(config, "general_settings")
    environment = os.environ if environment is None else environment
    return [
        ok("config", str(path)),
        callback(litellm),
        no_log(litellm),
        master_key(general, environment),
        same_named_folder(path),
    ]


def _section(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = config.get(name)
    return section if isinstance(section, dict) else {}


def callback(litellm_settings: Mapping[str, Any]) -> Finding:
    """Whether LiteLLM loads the plugin, once."""
    listed = litellm_settings.get("callbacks")
    callbacks = [listed] if isinstance(listed, str) else listed if isinstance(listed, list) else []
    if callbacks.count(CALLBACK) > 1:
        return fail("callback", f"{CALLBACK} is listed more than once in litellm_settings.callbacks; keep one.")
    if CALLBACK not in callbacks:
        return fail("callback", f'nothing is metered; add "{CALLBACK}" to litellm_settings.callbacks.')
    return ok("callback", CALLBACK)


def no_log(litellm_settings: Mapping[str, Any]) -> Finding:
    """Whether clients can switch off the event that settles what nothing else saw."""
    if litellm_settings.get("global_disable_no_log_param") is True:
        return ok("no-log", "clients cannot switch logging off")
    return warn(
        "no-log",
        "clients can switch off the event that settles what nothing else saw; "
        "set litellm_settings.global_disable_no_log_param: true.",
    )


def master_key(general_settings: Mapping[str, Any], environment: Mapping[str, str]) -> Finding:
    """Whether the master key can be guessed. It is never shown."""
    remedy = 'set LITELLM_MASTER_KEY to "sk-$(openssl rand -hex 32)"'
    value = general_settings.get("master_key")
    variable = "LITELLM_MASTER_KEY"
    if isinstance(value, str) and value.startswith("os.environ/"):
        variable, value = value.removeprefix("os.environ/"), None
    key = str(value) if value else environment.get(variable, "")
    if not key:
        return warn("master key", f"{variable} is not set here; run this in the proxy's environment, or {remedy}.")
    if key.lower() in KNOWN_MASTER_KEYS or len(key) < SHORTEST_MASTER_KEY or len(set(key)) < SHORTEST_MASTER_KEY // 2:
        return fail("master key", f"is easily guessed; {remedy}.")
    if not key.startswith("sk-"):
        return fail("master key", f"does not begin with sk-, as LiteLLM wants it; {remedy}.")
    return ok("master key", "is long enough")


def same_named_folder(config: Path, installed: Path | None = None) -> Finding:
    """Whether LiteLLM would load other code than what is installed: it looks beside its config file first."""
    installed = installed or Path(solaris_hooks.__file__).parent
    beside = config.resolve().parent / installed.name
    if beside.is_dir() and beside.resolve() != installed.resolve():
        return fail(
            "code",
            f"LiteLLM loads {beside} instead of the installed {installed}; move the config file or that folder.",
        )
    return ok("code", str(installed))


def journal(folder: Path) -> Finding:
    """Whether what is used while PostgreSQL is away can be written down. The folder is made when it is needed."""
    if not can_be_written(folder):
        return fail("journal", f"{folder} cannot be written by this user; set journal_dir to a folder that can.")
    return ok("journal", f"can be written to {folder}")
