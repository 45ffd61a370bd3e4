"""Several processes keep tests together that share what takes long to start."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.running import PROXIES_OF_THEIR_OWN, group_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("node", "group"),
    [
        ("tests/unit/test_docs.py::test_a[x::y]", "tests/unit/test_docs.py"),
        ("tests/e2e/test_chat.py::test_a", "tests/e2e"),
        ("tests/e2e/test_statement_in_a_browser.py::test_a", "tests/e2e"),
        ("tests/e2e/test_outage.py::test_a", "tests/e2e/test_outage.py"),
    ],
)
def test_tests_stay_with_their_file_or_with_the_proxy_that_they_share(node: str, group: str) -> None:
    assert group_of(node) == group


@pytest.mark.parametrize("file", PROXIES_OF_THEIR_OWN)
def test_tests_that_are_named_for_having_a_proxy_of_their_own_share_none(file: str) -> None:
    text = (ROOT / file).read_text("utf-8")
    assert "world: World" not in text.replace("open_world: World", "")
