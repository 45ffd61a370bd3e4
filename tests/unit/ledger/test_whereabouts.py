"""People read where the database should be, and never with what password."""

from __future__ import annotations

import pytest

from solaris_hooks.ledger.whereabouts import server_of


@pytest.mark.parametrize(
    ("conninfo", "said"),
    [
        ("postgresql://maria:secret@db.example:6432/books?sslmode=require", "db.example:6432/books"),
        ("host=/run/postgresql dbname=books password=secret", "/run/postgresql:5432/books"),
        ("postgresql:///books", "localhost:5432/books"),
        ("nonsense secret", ""),
    ],
)
def test_where_without_who(conninfo: str, said: str) -> None:
    assert server_of(conninfo) == said
