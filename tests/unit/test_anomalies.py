"""The documentation's figures on anomalies are those of the simulation."""

from __future__ import annotations

from pathlib import Path

from solaris_hooks.anomaly_settings import AnomalySettings
from solaris_hooks.quota.anomaly import AnomalyRule
from tests.anomalies import table

PAGE = Path(__file__).parents[2] / "docs" / "anomalies.md"


def test_the_page_has_the_table_that_the_command_prints() -> None:
    assert table(AnomalyRule()) in PAGE.read_text("utf-8")


def test_the_settings_default_to_the_rule_that_was_measured() -> None:
    assert AnomalySettings().rule == AnomalyRule()
