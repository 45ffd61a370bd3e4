"""Settings of alerts and webhooks."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from solaris_hooks.alert_settings import AlertSettings, WebhookSettings, WorkerPlace
from solaris_hooks.settings import Settings

SECRET = "whsec_" + "c29sYXJpc29sYXJpc29sYXJpc29sYXJpc29sYXJpcw=="


def webhook(**more: Any) -> WebhookSettings:
    return WebhookSettings(**{"name": "books", "url": "http://10.0.0.7:8080/hook", "secret": SECRET, **more})


def test_a_worker_is_switched_off_as_people_write_it() -> None:
    written = yaml.safe_load("worker: off")
    assert AlertSettings(**written).worker is WorkerPlace.OFF
    assert AlertSettings().worker is WorkerPlace.IN_PROXY


def test_an_operator_may_name_a_private_address() -> None:
    assert webhook().url.get_secret_value() == "http://10.0.0.7:8080/hook"


def test_addresses_and_secrets_are_not_shown() -> None:
    shown = repr(webhook())
    assert (SECRET in shown, "10.0.0.7" in shown) == (False, False)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"url": "file:///etc/passwd"}, "http"),
        ({"url": "ftp://litellm-proxy/x"}, "http"),
        ({"url": "https://"}, "http"),
        ({"url": "http://[::1"}, "http"),
        ({"url": "http://litellm-proxy/\r\nx"}, "http"),
        ({"secret": ""}, "needs a secret"),
        ({"secret": "hunter2"}, "whsec_"),
        ({"secret": "whsec_c2hvcnQ="}, "24 to 64"),
        ({"kinds": ["comet.seen"]}, "threshold.crossed"),
        ({"name": "Books!"}, "pattern"),
        ({"timeout_seconds": 3600}, "60"),
    ],
)
def test_a_wrong_webhook_is_told_what_to_write(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        webhook(**wrong)


def test_a_chat_needs_no_secret() -> None:
    assert webhook(format="slack", secret="").secret.get_secret_value() == ""


def test_webhooks_have_names_that_differ() -> None:
    twice = [{"name": "books", "url": "http://10.0.0.7/", "secret": SECRET}] * 2
    with pytest.raises(ValidationError, match="names that differ"):
        Settings(database_url="postgresql://x/y", litellm_database_url="postgresql://x/y", webhooks=twice)


@pytest.mark.parametrize("address", ["ana", "a@b@c", " a@b", "a b@c"])
def test_administrators_have_addresses(address: str) -> None:
    with pytest.raises(ValidationError, match="no e-mail address"):
        AlertSettings(admin_addresses=(address,))
