"""`make demo`: a narrated run that ends by itself."""

from __future__ import annotations


def run_demo() -> int:
    """Run it."""
    raise NotImplementedError
