"""The one error of this package: a line that says what happened and what to do."""

from __future__ import annotations


class LocalError(Exception):
    """Something a person can mend.

    Args:
        what: what happened, without a full stop.
        remedy: what to do about it, without a full stop.

    """

    def __init__(self, what: str, remedy: str) -> None:
        """Keep both halves; ``str()`` of the error is one line."""
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        """Return what happened and the remedy, on one line."""
        return " ".join(f"{self.what}: {self.remedy}".split())
