"""LiteLLM's database client over the engine that set-up chose: what LiteLLM does with it comes out right.

With the WASM engine this is the test of `deploy/prisma-engine`; with Prisma's own it shows that both agree.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import subprocess
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, cast

import psycopg
import pytest
import pytest_asyncio

from deploy.local.checkout import ENGINE
from deploy.local.prisma import recorded_engine
from deploy.local.testing import fresh_database, migrate_litellm

if TYPE_CHECKING:
    from deploy.local.postgres import EmbeddedPostgres


def as_json(value: object) -> Any:
    """Return a value for a Json field; the client's own type for these knows no nested ones."""
    from prisma import Json  # noqa: PLC0415 - see `errors`

    return Json(cast("Any", value))


AT = dt.datetime(2026, 2, 28, 23, 59, 59, 123000, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def litellm_database(postgres: EmbeddedPostgres) -> str:
    """Return the URL of a database with LiteLLM's tables."""
    return fresh_database(postgres, with_litellm_tables=True)


@pytest_asyncio.fixture
async def db(litellm_database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """A connected client on a table of keys that is empty."""
    for name, value in recorded_engine().environment().items():
        monkeypatch.setenv(name, value)
    from prisma import Prisma  # noqa: PLC0415 - see `errors`

    client = Prisma(datasource={"url": litellm_database})
    await client.connect()
    await client.litellm_verificationtoken.delete_many()
    yield client
    await client.disconnect()


@pytest.fixture
def errors() -> Any:
    """Return the client's errors. The client takes seconds to import: not in every process that collects tests."""
    from prisma import errors  # noqa: PLC0415

    return errors


@pytest.fixture
def keys(db: Any) -> Any:
    """Return the table of virtual keys."""
    return db.litellm_verificationtoken


async def test_every_kind_of_value_is_read_as_it_was_written(keys: Any) -> None:
    made = await keys.create(
        data={
            "token": "t-1",
            "key_name": 'sk-"quoted"\n é 漢 🙂 \\',
            "spend": 1.5,
            "models": ["a", 'b"c'],
            "metadata": as_json({"a": [1, {"b": None}], "text": 'x"y'}),
            "tpm_limit": 2**40,
            "expires": AT,
            "blocked": True,
        }
    )
    for row in (made, await keys.find_unique(where={"token": "t-1"})):
        assert row.key_name == 'sk-"quoted"\n é 漢 🙂 \\'
        assert row.spend == 1.5
        assert row.models == ["a", 'b"c']
        assert row.metadata == {"a": [1, {"b": None}], "text": 'x"y'}
        assert row.tpm_limit == 2**40
        assert row.expires == AT
        assert row.blocked is True


async def test_a_json_field_holds_json_and_not_its_text(keys: Any, litellm_database: str) -> None:
    await keys.create(data={"token": "t-1", "metadata": as_json({"a": 1})})
    await keys.create(data={"token": "t-2", "metadata": as_json("a bare string")})
    await keys.update(where={"token": "t-1"}, data={"metadata": as_json({"b": [2]})})
    with psycopg.connect(litellm_database) as connection:
        rows = connection.execute(
            'SELECT metadata, jsonb_typeof(metadata) FROM "LiteLLM_VerificationToken" ORDER BY token'
        ).fetchall()
    assert rows == [({"b": [2]}, "object"), ("a bare string", "string")]


async def test_a_json_field_can_be_searched(keys: Any) -> None:
    await keys.create(data={"token": "t-1", "metadata": as_json({"tags": ["x", "y"]})})
    await keys.create(data={"token": "t-2", "metadata": as_json({"tags": ["z"]})})
    found = await keys.find_many(where={"metadata": {"path": ["tags"], "array_contains": as_json(["y"])}})
    assert [row.token for row in found] == ["t-1"]


async def test_a_second_row_with_the_same_key_is_a_unique_violation(keys: Any, errors: Any) -> None:
    await keys.create(data={"token": "t-1"})
    with pytest.raises(errors.UniqueViolationError):
        await keys.create(data={"token": "t-1"})


async def test_what_is_missing_is_none_to_update_and_to_delete(keys: Any) -> None:
    assert await keys.find_unique(where={"token": "nope"}) is None
    assert await keys.update(where={"token": "nope"}, data={"spend": 1}) is None
    assert await keys.delete(where={"token": "nope"}) is None


async def test_an_upsert_creates_and_then_updates(keys: Any) -> None:
    data = {"create": {"token": "t-1", "spend": 5}, "update": {"spend": {"increment": 1}}}
    assert (await keys.upsert(where={"token": "t-1"}, data=data)).spend == 5
    assert (await keys.upsert(where={"token": "t-1"}, data=data)).spend == 6


async def test_rows_are_made_counted_ordered_and_grouped(keys: Any) -> None:
    await keys.create(data={"token": "t-1", "key_name": "a", "spend": 2})
    rows = [{"token": f"t-{n}", "key_name": "b", "spend": n} for n in (1, 2, 3)]
    assert await keys.create_many(data=rows, skip_duplicates=True) == 2
    assert await keys.count(where={"token": {"startswith": "t-"}}) == 3
    wanted = {"OR": [{"token": "t-1"}, {"token": "t-3"}], "NOT": {"token": "zz"}}
    found = await keys.find_many(where=wanted, order={"token": "desc"}, include={"litellm_budget_table": True})
    assert [row.token for row in found] == ["t-3", "t-1"]
    groups = await keys.group_by(by=["key_name"], sum={"spend": True}, count=True, order={"key_name": "asc"})
    assert [(group["key_name"], group["_sum"]["spend"], group["_count"]["_all"]) for group in groups] == [
        ("a", 2, 1),
        ("b", 5, 2),
    ]


async def test_a_relation_is_read_with_its_row(db: Any, keys: Any) -> None:
    budget = await db.litellm_budgettable.create(
        data={"max_budget": 3.5, "created_by": "a", "updated_by": "a", "model_max_budget": as_json({"m": 1})}
    )
    await keys.create(data={"token": "t-1", "budget_id": budget.budget_id})
    row = await keys.find_unique(where={"token": "t-1"}, include={"litellm_budget_table": True})
    assert row.litellm_budget_table.max_budget == 3.5
    assert row.litellm_budget_table.model_max_budget == {"m": 1}


async def test_a_batch_is_all_or_nothing(db: Any, keys: Any, errors: Any) -> None:
    await keys.create(data={"token": "t-1", "spend": 1})
    async with db.batch_() as batch:
        batch.litellm_verificationtoken.update(where={"token": "t-1"}, data={"spend": {"increment": 2}})
        batch.litellm_verificationtoken.create(data={"token": "t-2"})
    assert (await keys.find_unique(where={"token": "t-1"})).spend == 3
    batch = db.batch_()
    batch.litellm_verificationtoken.update(where={"token": "t-1"}, data={"spend": {"increment": 100}})
    batch.litellm_verificationtoken.create(data={"token": "t-2"})
    with pytest.raises(errors.UniqueViolationError):
        await batch.commit()
    assert (await keys.find_unique(where={"token": "t-1"})).spend == 3


async def _spend_999_and_fail(db: Any) -> None:
    async with db.tx() as tx:
        await tx.litellm_verificationtoken.update(where={"token": "t-1"}, data={"spend": 998})
        await tx.execute_raw('update "LiteLLM_VerificationToken" set spend = spend + $1 where token = $2', 1, "t-1")
        assert (await tx.litellm_verificationtoken.find_unique(where={"token": "t-1"})).spend == 999
        # Others do not see it before it is committed.
        assert (await db.litellm_verificationtoken.find_unique(where={"token": "t-1"})).spend == 1
        raise ZeroDivisionError


async def test_a_transaction_that_fails_leaves_nothing(db: Any, keys: Any) -> None:
    await keys.create(data={"token": "t-1", "spend": 1})
    with pytest.raises(ZeroDivisionError):
        await _spend_999_and_fail(db)
    assert (await keys.find_unique(where={"token": "t-1"})).spend == 1


async def test_a_transaction_that_ends_is_kept(db: Any, keys: Any) -> None:
    await keys.create(data={"token": "t-1", "spend": 1})
    async with db.tx() as tx:
        await tx.litellm_verificationtoken.update(where={"token": "t-1"}, data={"spend": 7})
    assert (await keys.find_unique(where={"token": "t-1"})).spend == 7


async def test_a_transaction_past_its_time_is_rolled_back_and_frees_the_row(db: Any, keys: Any, errors: Any) -> None:
    await keys.create(data={"token": "t-1", "spend": 1})
    transaction = db.tx(timeout=dt.timedelta(milliseconds=300))
    tx = await transaction.start()
    await tx.litellm_verificationtoken.update(where={"token": "t-1"}, data={"spend": 50})
    # The other writer waits for the row: that it ends is what shows the roll-back.
    other = await asyncio.wait_for(keys.update(where={"token": "t-1"}, data={"spend": {"increment": 1}}), 10)
    assert other.spend == 2
    with pytest.raises(errors.PrismaError):
        await tx.litellm_verificationtoken.update(where={"token": "t-1"}, data={"spend": 51})


async def test_raw_sql_returns_typed_columns(db: Any, keys: Any) -> None:
    await keys.create(data={"token": "t-1", "spend": 1.5, "models": ["a"], "tpm_limit": 2**40, "expires": AT})
    [row] = await db.query_raw(
        """select token, spend, models, tpm_limit, count(*) over () as n, sum(tpm_limit) over () as total,
                  1.5::numeric as exact, array[true, false] as flags, 1::int2 as small, null::text as nothing,
                  '{"a": 1}'::jsonb as j, current_database() as name, '2026-02-28'::date as day
           from "LiteLLM_VerificationToken"
           where token = any($1::text[]) and spend >= $2 and created_at > $3::timestamptz""",
        ["t-1", "t-2"],
        0,
        "2020-01-01T00:00:00Z",
    )
    assert row["token"] == "t-1"
    assert (row["spend"], row["models"], row["tpm_limit"]) == (1.5, ["a"], 2**40)
    assert (row["n"], int(row["total"]), float(row["exact"])) == (1, 2**40, 1.5)
    assert (row["flags"], row["small"], row["nothing"], row["j"]) == ([True, False], 1, None, {"a": 1})
    assert row["name"].startswith("test_")
    assert row["day"].startswith("2026-02-28")


@pytest.mark.parametrize(
    ("statement", "arguments", "column", "expected"),
    [
        ("select pg_try_advisory_xact_lock($1::bigint) as x", (2**53 + 5,), "x", True),
        ("select $1::jsonb as x", ('{"a": 1}',), "x", {"a": 1}),
        ("select $1::int as x", (None,), "x", None),
        ("select 'pg_class'::regclass as x", (), "x", "pg_class"),
        ("select array['a', 'b']::name[] as x", (), "x", ["a", "b"]),
        ("select '2026-01-02 03:04:05+00'::timestamptz::text as x", (), "x", "2026-01-02 03:04:05+00"),
    ],
)
async def test_raw_sql_of_the_kinds_that_litellm_sends(
    db: Any, statement: str, arguments: tuple[object, ...], column: str, expected: object
) -> None:
    [row] = await db.query_raw(statement, *arguments)
    assert row[column] == expected


async def test_wrong_sql_is_a_raw_query_error(db: Any, errors: Any) -> None:
    with pytest.raises(errors.PrismaError, match="nope"):
        await db.query_raw("select * from nope")


async def test_an_unknown_field_is_refused(keys: Any, errors: Any) -> None:
    with pytest.raises(errors.PrismaError):
        await keys.find_many(where={"no_such_field": 1})


async def test_three_hundred_queries_at_once_all_come_back(keys: Any) -> None:
    await keys.create(data={"token": "t-1"})
    rows = await asyncio.gather(*[keys.find_unique(where={"token": "t-1"}) for _ in range(300)])
    assert {row.token for row in rows} == {"t-1"}


async def test_it_goes_on_after_its_connections_were_cut(keys: Any, postgres: EmbeddedPostgres, errors: Any) -> None:
    await keys.create(data={"token": "t-1"})
    with psycopg.connect(postgres.superuser_url("postgres"), autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'solaris'")
    found = None
    for _ in range(20):  # a query may still meet a connection that is gone
        try:
            found = await keys.find_unique(where={"token": "t-1"})
            break
        except errors.PrismaError:
            continue
    assert found is not None


async def test_litellms_tables_go_to_public_even_beside_a_schema_of_the_users_own_name(
    postgres: EmbeddedPostgres,
) -> None:
    url = fresh_database(postgres)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA solaris CREATE TABLE accounts ()")
    migrate_litellm(url)
    with psycopg.connect(url) as connection:
        counts = connection.execute(
            "SELECT schemaname, count(*) > 1 FROM pg_tables"
            " WHERE schemaname IN ('public', 'solaris') GROUP BY 1 ORDER BY 1"
        ).fetchall()
    assert counts == [("public", True), ("solaris", False)]


def test_the_translations_pass_their_own_tests() -> None:
    argv = [str(recorded_engine().node), "--test", str(ENGINE / "test") + "/"]
    done = subprocess.run(argv, cwd=ENGINE, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


async def test_a_wrong_password_is_said_and_not_tried_for_ever(litellm_database: str) -> None:
    engine = recorded_engine()
    if engine.kind == "native":
        pytest.skip("Prisma's own engine says it in its own way")
    from deploy.local.ports import free_port  # noqa: PLC0415

    port = free_port()
    schema = engine_schema()
    wrong = litellm_database.replace("solaris:", "solaris:wrong")
    process = await asyncio.create_subprocess_exec(
        engine.query,
        "-p",
        str(port),
        env={**os.environ, "PRISMA_DML_PATH": schema, "DATABASE_URL": wrong},
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    said = await asyncio.wait_for(process.stderr.readline(), 20)
    process.terminate()
    await process.wait()
    assert b"Authentication failed" in said


def engine_schema() -> str:
    """Return the schema file that the generated client carries."""
    import prisma  # noqa: PLC0415

    return os.path.join(os.path.dirname(prisma.__file__), "schema.prisma")  # noqa: PTH118, PTH120
