"""Nobody is refused, or cut short, while his balance would have covered what he asked for: a short simulation."""

from __future__ import annotations

import pytest

from tests.fairness.rules import SolarisRule
from tests.fairness.simulation import simulate
from tests.fairness.virtual_time import run


@pytest.mark.parametrize(("people", "granted", "accounts"), [(1, 20_000, 10), (20, 100_000, 5)])
def test_whoever_is_covered_is_served_and_nobody_overshoots(people: int, granted: int, accounts: int) -> None:
    tally = run(simulate(SolarisRule, granted=granted, people=people, accounts=accounts, seed=1))
    assert tally.served > 100
    assert tally.wrong == 0
    assert tally.overshoot == 0
