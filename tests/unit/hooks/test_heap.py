"""What is there after the start is left alone by the garbage collector."""

from __future__ import annotations

import math
import subprocess
import sys

from solaris_hooks.hooks.heap import freeze_heap, heap_chores

SCRIPT = """
import asyncio, gc
from solaris_hooks.hooks.heap import freeze_heap
there = len(gc.get_objects())
asyncio.run(freeze_heap())
print(gc.get_freeze_count() >= there, len(gc.get_objects()) < there / 10)
"""


def test_the_collector_no_longer_walks_over_what_was_there() -> None:
    # In a process of its own: it cannot be taken back for a part of the objects.
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]


def test_it_is_done_once_and_where_it_is_wanted() -> None:
    (chore,) = heap_chores(freeze=True)
    assert (chore.every_seconds, chore.work) == (math.inf, freeze_heap)
    assert heap_chores(freeze=False) == ()
