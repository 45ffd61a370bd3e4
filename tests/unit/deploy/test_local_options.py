"""What a person may set for `make up`, and the line that each wrong value gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.local.database import libpq_url, without_password
from deploy.local.environment import as_exports
from deploy.local.errors import LocalError
from deploy.local.options import Options, database_url, master_key, port_number

if TYPE_CHECKING:
    from pathlib import Path

STRONG = "sk-4f1c9a7be2d84630b5aa"


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "config.yaml"
    file.write_text("model_list: []\n")
    return str(file)


def test_nothing_set_means_loopback_port_4000_and_generated_keys(config: str) -> None:
    options = Options.read({"CONFIG": config})
    assert (options.host, options.port, options.detach) == ("127.0.0.1", 4000, False)
    assert (options.database_url, options.master_key, options.salt_key) == (None, None, None)
    assert options.state_dir.name == ".state"


def test_an_empty_variable_counts_as_unset(config: str) -> None:
    empty = dict.fromkeys(("PORT", "DATABASE_URL", "LITELLM_MASTER_KEY", "STATE_DIR", "DETACH", "HOST"), "")
    assert Options.read({"CONFIG": config, **empty}) == Options.read({"CONFIG": config})


def test_a_config_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match=r"nowhere\.yaml does not exist: name one with CONFIG="):
        Options.read({"CONFIG": str(tmp_path / "nowhere.yaml")})


@pytest.mark.parametrize("text", ["0", "65536", "-1", "4000.5", "http", "\uff14"])
def test_a_port_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(LocalError, match="write a number from 1 to 65535"):
        port_number(text)


@pytest.mark.parametrize("text", ["sk-1234", "sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", STRONG[3:], "password"])
def test_a_weak_master_key_is_refused_with_a_way_to_make_a_good_one(text: str) -> None:
    with pytest.raises(LocalError, match="leave LITELLM_MASTER_KEY unset"):
        master_key(text)


def test_a_refused_master_key_is_not_repeated() -> None:
    with pytest.raises(LocalError) as refusal:
        master_key("sk-secret")
    assert "sk-secret" not in str(refusal.value)


def test_a_strong_master_key_is_taken_as_it_is() -> None:
    assert master_key(STRONG) == STRONG


def test_only_postgresql_is_a_database() -> None:
    assert database_url("postgresql://u@h/d") == "postgresql://u@h/d"
    with pytest.raises(LocalError, match="write DATABASE_URL=postgresql://"):
        database_url("mysql://u@h/d")


def test_what_only_prisma_understands_is_kept_from_libpq() -> None:
    url = "postgresql://u:p%40@h:5432/d?connection_limit=5&sslmode=require&schema=x&pgbouncer=true"
    assert libpq_url(url) == "postgresql://u:p%40@h:5432/d?sslmode=require"
    assert libpq_url("postgresql:///d?host=/run/pg&schema=x") == "postgresql:///d?host=/run/pg"


def test_a_password_is_not_shown() -> None:
    assert without_password("postgresql://ana:s3cret@h:1/d") == "postgresql://ana:***@h:1/d"
    assert without_password("postgresql://h/d") == "postgresql://h/d"


def test_exports_survive_the_shell() -> None:
    assert as_exports({"A": "it's; $(rm) `x`"}) == """export A='it'"'"'s; $(rm) `x`'"""


def test_an_error_is_one_line() -> None:
    assert str(LocalError("a\nb", "do\n  c")) == "a b: do c"
