"""A short campaign with a fixed seed; `make chaos` is the long one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos import campaign
from tests.chaos.campaign import Arena, arena, play
from tests.chaos.relay import Network

SEED = 2026

CLOSED = [campaign.kill_workers, campaign.kill_the_server, campaign.network(Network.CUT)]
OPEN = [campaign.stop_the_server_and_kill_workers, campaign.network(Network.STALLED), campaign.raise_errors("40P01")]


@pytest.mark.parametrize(("fail_open", "faults"), [(False, CLOSED), (True, OPEN)], ids=["fail_closed", "fail_open"])
def test_whatever_dies_the_books_balance_and_each_use_is_in_them_once(
    tmp_path: Path, *, fail_open: bool, faults: list[Callable[[Arena], None]]
) -> None:
    with arena(tmp_path, SEED) as place:
        found = play(place, 0, faults, fail_open=fail_open)
    assert found.kills >= 4
    assert found.exact > 200
    assert (found.lost, found.double, found.overshoot) == (0, 0, 0)
