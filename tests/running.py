"""How a run of the tests is laid out: its temporary folders, and which tests several processes keep together."""

from __future__ import annotations

import os
import shutil
import tempfile

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

LONGEST_FIRST = ("tests/chaos", "tests/e2e", "tests/browser", "tests/integration")
PROXIES_OF_THEIR_OWN = (
    "tests/e2e/test_a_month.py",
    "tests/e2e/test_newcomer_failures.py",
    "tests/e2e/test_outage.py",
    "tests/e2e/test_several_workers.py",
    "tests/e2e/test_two_proxies.py",
    "tests/e2e/test_up.py",
)
"""End-to-end tests that do not use the proxy that all others share. One that is missing here only waits for them."""

TEMPORARY = "PYTEST_DEBUG_TEMPROOT"
"""pytest's own variable: the folder below which it makes temporary ones."""

_own_folder = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Put this run's temporary folders apart from those of all other runs.

    pytest keeps them below one folder, and at each start takes all rights from it but its owner's: a PostgreSQL that a
    run of root's has started under another user would find its data gone.
    """
    if TEMPORARY not in os.environ:
        config.stash[_own_folder] = os.environ[TEMPORARY] = tempfile.mkdtemp(prefix="solaris-tests-")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Keep the folders of a run that failed: its logs are there."""
    if exitstatus != pytest.ExitCode.OK:
        session.config.stash[_own_folder] = ""


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the folders of a run that went well."""
    if folder := config.stash.get(_own_folder, ""):
        shutil.rmtree(folder, ignore_errors=True)


def group_of(node: str) -> str:
    """Which tests one process runs one after the other: those of a file, and all of the proxy that most share.

    It takes half a minute to start, and a file's fixtures take their time, too.

    Args:
        node: pytest's id of a test, which begins with the path of its file.
    """
    file = node.partition("::")[0]
    return "tests/e2e" if file.startswith("tests/e2e/") and file not in PROXIES_OF_THEIR_OWN else file


class Groups(LoadScopeScheduling):  # type: ignore[misc] # it ships without types
    """Gives each process another group as soon as it has no more than two tests to do.

    pytest-xdist's own groups (``--dist loadgroup``) change the ids of tests, which pytest 9.2 no longer lets it.
    """

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Groups:
    """Let several processes (``pytest --numprocesses 3``) share the tests by group."""
    return Groups(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what takes longest begin first, so that at the end no process waits for another."""
    items.sort(key=lambda item: _rank(item.nodeid))


def _rank(node: str) -> int:
    return next((rank for rank, folder in enumerate(LONGEST_FIRST) if node.startswith(folder)), len(LONGEST_FIRST))
