"""LiteLLM may execute the file that its config names outside ``sys.modules``: beside its package, as in a checkout."""

from __future__ import annotations

import ast
from pathlib import Path

PLUGIN = Path(__file__).parents[2] / "solaris_hooks" / "plugin.py"


def test_it_defines_nothing_that_looks_its_module_up() -> None:
    tree = ast.parse(PLUGIN.read_text("utf-8"))
    imported = {
        alias.name.partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    } | {
        str(node.module).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
    }
    assert "solaris_hooks" in imported, "the walk finds imports"
    assert imported.isdisjoint({"dataclasses", "enum", "pickle"})
