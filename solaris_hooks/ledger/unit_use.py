"""Units of calls that are paid by the unit, in the columns that totals have of them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from solaris_hooks.ledger.wire_format import Row
from solaris_hooks.quota.units import Unit

COLUMNS = {Unit.IMAGE: "images", Unit.SECOND: "seconds", Unit.CHARACTER: "characters", Unit.CALL: "calls"}


def units_of(row: Row) -> Mapping[Unit, Decimal]:
    """The units of a row of totals; those of which it has none are left out."""
    return {unit: row[column] for unit, column in COLUMNS.items() if row[column]}
