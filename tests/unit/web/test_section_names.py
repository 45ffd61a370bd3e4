"""What happens and what people change has a name in the reader's language on the pages of alerts and audit."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from solaris_hooks.ledger.event import EventKind
from solaris_hooks.messages import LOCALES
from solaris_hooks.web.pages.rendering import _environment, _words

ACTION = re.compile(r"record_v1\(\s*'([a-z_]+\.[a-z_]+)'")


def written(locale: str, template: str) -> str:
    """What a piece of a template says."""
    return _environment(locale).from_string(template).render(**_words(locale, "UTC"), root="").strip()


def actions() -> set[str]:
    """What the functions of the schema write into the audit trail."""
    folder = resources.files("solaris_hooks.ledger").joinpath("sql/migrations")
    return {action for file in folder.iterdir() for action in ACTION.findall(file.read_text("utf-8"))}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", EventKind)
def test_every_event_has_a_name(locale: str, kind: EventKind) -> None:
    name = written(
        locale, f'{{% import "admin/pieces.html" as pieces with context %}}{{{{ pieces.event_kind("{kind}") }}}}'
    )
    assert name
    assert name != kind


def test_every_action_has_a_name() -> None:
    known = written(
        "en", '{% from "admin/actions.html" import texts with context %}{{ texts.keys() | join(" ") }}'
    ).split()
    found = actions()
    assert {"account.create", "account.reset", "request.create"} <= found, "the search finds what it should"
    assert found - set(known) == set()


def test_what_has_no_name_yet_is_told_as_it_is_and_escaped() -> None:
    template = '{% import "admin/pieces.html" as pieces with context %}{{ pieces.event_kind("<b>.new") }}'
    assert written("en", template) == "&lt;b&gt;.new"
