"""Tables and queries of a real PostgreSQL: types, selected columns, batches, and error messages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
import pytest

from fasttrack.data import Source, read_table, scan_table
from tests.data.files import refusal, types
from tests.servers.ports import free_port

if TYPE_CHECKING:
    from tests.servers.postgres import Postgres

PASSWORD = "s3cr3t/p@ss"
ROWS = 150_000


@pytest.fixture(scope="module")
def url(postgres: Postgres) -> str:
    """A database with a table of every type, a long one, and a user who needs a password."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE sources")
    place = postgres.url.removesuffix("postgres") + "sources"
    with psycopg.connect(place) as connection:
        connection.execute("CREATE TYPE mood AS ENUM ('sad', 'happy')")
        connection.execute(
            """CREATE TABLE kinds (whole int, big bigint, small smallint, real float4, double float8,
            exact numeric(9, 2), price money, flag bool, text text, short varchar(9), padded char(5), mood mood,
            day date, moment timestamp, zoned timestamptz, clock time, id uuid, document jsonb, address inet,
            list int[], span interval, raw bytea)"""
        )
        connection.execute(
            """INSERT INTO kinds VALUES (1, 2, 3, 1.5, 'NaN', 12.25, 1.5, true, 'late', 'b', 'c', 'happy', '2013-01-01',
            '2013-01-01 05:00', '2013-01-01 05:00+02', '07:30', '00000000-0000-0000-0000-000000000001', '{"a": 1}',
            '127.0.0.1', '{1,2}', '1 day', '\\x00')"""
        )
        connection.execute("INSERT INTO kinds (whole) VALUES (2)")
        connection.execute(
            "CREATE TABLE long AS SELECT g AS id, g * 0.5::float8 AS half, 'w' || g % 7 AS word "
            f"FROM generate_series(0, {ROWS - 1}) AS g"
        )
        connection.execute('CREATE TABLE "Odd ""name" AS SELECT 1 AS "a b"')
    postgres.new_role("guarded", PASSWORD)
    return place


def test_every_type_is_converted_to_a_plain_type(url: str) -> None:
    read = read_table(url, table="kinds", nulls=["late"])
    assert types(read) == {
        "whole": "int64",
        "big": "int64",
        "small": "int64",
        "real": "double",
        "double": "double",
        "exact": "double",
        "price": "double",
        "flag": "bool",
        "text": "string",
        "short": "string",
        "padded": "string",
        "mood": "string",
        "day": "timestamp[us, tz=UTC]",
        "moment": "timestamp[us, tz=UTC]",
        "zoned": "timestamp[us, tz=UTC]",
        "clock": "string",
        "id": "string",
        "document": "string",
        "address": "string",
        "list": "list<item: int32>",
        "span": "month_day_nano_interval",
        "raw": "binary",
    }
    first, second = read.drop_columns(["span", "list"]).to_pylist()
    assert first["double"] is None
    assert (first["exact"], first["price"], first["real"]) == (12.25, 1.5, 1.5)
    assert (first["padded"], first["mood"], first["text"]) == ("c", "happy", None)
    assert (first["id"], first["document"]) == ("00000000-0000-0000-0000-000000000001", '{"a": 1}')
    assert first["zoned"] == datetime(2013, 1, 1, 3, tzinfo=UTC)
    assert first["moment"] == datetime(2013, 1, 1, 5, tzinfo=UTC)
    assert set(second.values()) == {2, None}


def test_a_scheme_may_be_in_capitals(url: str) -> None:
    assert read_table(url.replace("postgresql", "PostgreSQL"), table="long", columns=["id"]).num_rows == ROWS


def test_a_query_and_a_table_are_read_by_columns(url: str) -> None:
    query = "WITH few AS (SELECT * FROM long WHERE id < 3 ORDER BY id DESC)\nSELECT * FROM few; "
    assert read_table(url, query=query, columns=["word", "id"]).to_pydict() == {
        "word": ["w2", "w1", "w0"],
        "id": [2, 1, 0],
    }
    assert read_table(url, query="-- all\nSELECT id, 1 AS one FROM long WHERE id < 1 -- of them").to_pydict() == {
        "id": [0],
        "one": [1],
    }
    assert read_table(url, table="public.long", columns=["id"]).num_rows == ROWS
    assert read_table(url, table='Odd "name').to_pydict() == {"a b": [1]}


def test_only_selected_columns_are_computed(url: str) -> None:
    query = "SELECT id, 1 / (id - 7) AS broken FROM long"
    assert refusal(url, query=query) == f"{url} cannot be read: division by zero; check the query"
    assert read_table(url, query=query, columns=["id"]).num_rows == ROWS


def test_batches_of_a_long_table_have_the_same_types(url: str) -> None:
    scan = scan_table(url, table="long", kinds={"word": "category"})
    for _ in range(2):  # as often as wanted
        batches = list(scan.batches())
        assert sum(batch.num_rows for batch in batches) == ROWS
        assert max(batch.num_rows for batch in batches) <= 65_536
        for batch in batches:
            assert dict(zip(batch.column_names, batch.schema.types, strict=True)) == scan.columns
    assert types(read_table(url, table="long")) == {name: str(kind) for name, kind in scan.columns.items()}
    assert list(scan_table(url, table="long", columns=["half"]).columns) == ["half"]


def test_a_sample_has_the_requested_size_and_depends_on_the_seed(url: str) -> None:
    one, again = (read_table(url, table="long", rows=1000) for _ in range(2))
    assert one.equals(again)
    ids = one.column("id").to_pylist()
    assert len(set(ids)) == 1000
    assert ids == sorted(ids)
    assert abs(sum(ids) / 1000 - ROWS / 2) < ROWS / 20
    assert not one.equals(read_table(url, table="long", rows=1000, seed=1))


def test_what_the_address_leaves_out_comes_from_the_environment(
    url: str, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOST", "127.0.0.1")
    monkeypatch.setenv("PGPORT", str(postgres.port))
    monkeypatch.setenv("PGUSER", "guarded")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    monkeypatch.setenv("PGDATABASE", "sources")
    assert read_table("postgresql://", query="SELECT current_user::text AS me").to_pydict() == {"me": ["guarded"]}


def test_a_query_cannot_write(url: str) -> None:
    query = "WITH gone AS (DELETE FROM long RETURNING id) SELECT id FROM gone"
    assert "cannot" in refusal(url, query=query)
    assert refusal(url, query="DELETE FROM long") == (
        f"{url}: the query begins with DELETE; give one that selects: SELECT …"
    )
    assert read_table(url, table="long", columns=["id"]).num_rows == ROWS


def test_each_refusal_is_one_clear_line(url: str, postgres: Postgres) -> None:
    place = f"127.0.0.1:{postgres.port}"
    closed = free_port()
    messages = {
        (f"postgresql://me@127.0.0.1:{closed}/db", "t"): f'connection to server at "127.0.0.1", port {closed} failed: '
        "Connection refused; check host and port, and that the server runs",
        ("postgresql://me@nowhere.invalid/db", "t"): 'could not translate host name "nowhere.invalid" to address: '
        "Name or service not known; check the host",
        (f"postgresql://me@{place}/nothing", "t"): 'role "me" does not exist; check the user (PGUSER)',
        (f"postgresql://tester@{place}/nothing", "t"): 'database "nothing" does not exist; check the name after the '
        "host (PGDATABASE)",
        (url, "nothing"): 'relation "nothing" does not exist; check the table\'s name, and the schema before it',
        (f"postgresql://guarded:wrong@{place}/sources", "long"): 'password authentication failed for user "guarded"; '
        "check user and password (PGUSER, PGPASSWORD)",
        (f"postgresql://guarded:{quote(PASSWORD, safe='')}@{place}/sources", "long"): "permission denied for table "
        "long; grant SELECT to this user",
    }
    for (source, table), reason in messages.items():
        redacted = source.replace(":wrong", ":***").replace(quote(PASSWORD, safe=""), "***")
        assert refusal(source, table=table) == f"{redacted} cannot be read: {reason}"
    queries: dict[str, str | None] = {
        "SELECT nothing FROM long": 'column "nothing" does not exist; check the query',
        "SELECT id FROM long WHERE": "syntax error at end of input; check the query",
        "SELEC 1": None,
    }
    for query, why in queries.items():
        told_now = refusal(url, query=query)
        assert told_now == (
            f"{url} cannot be read: {why}"
            if why
            else f"{url}: the query begins with SELEC; give one that selects: SELECT …"
        )
    assert (
        refusal(url, query="SELECT 1 AS a, 2 AS a")
        == f"{url} returns the column 'a' twice; name one of them AS another"
    )
    assert refusal(url) == f"{url} is a database: say what to read, with --query or --table"
    assert refusal(url, table="long", query="SELECT 1") == refusal(url)
    assert refusal(url, table="long", columns=["wrd"]) == f"{url} has no column 'wrd'; did you mean word?"
    assert refusal(url, query="SELECT 1 AS a WHERE false") == f"{url} has no rows; check that it is the table you mean"
    assert refusal(url, table="long", kinds={"word": "number"}) == (
        f'{url} row 1: word is "w0", expected a number; fix the cell, or leave out --kind word=number'
    )


def test_no_message_contains_a_password_however_it_is_spelled(postgres: Postgres) -> None:
    port = postgres.port
    for address in (
        f"postgresql://guarded:{PASSWORD}@127.0.0.1:{port}/sources",
        f"postgresql://guarded:p@{PASSWORD}@127.0.0.1:{port}/sources",
        f"postgresql://guarded:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/nothing",
        f"postgresql://guarded:s3cr3t?/p@ss@127.0.0.1:{port}/sources",
        f"POSTGRESQL://guarded:12/s3cr3t@127.0.0.1:{port}/sources",
        f"POSTGRESQL://guarded:s3cr3t@127.0.0.1:{port}/sources",
        f"Postgres://guarded@work:s3cr3t@127.0.0.1:{port}/sources",
        f"postgresql://127.0.0.1:{port}/sources?user=guarded&password=s3cr3t-p%40ss",
    ):
        message = refusal(address, table="long")
        assert not [piece for piece in ("s3cr3t", "p@ss", "p%40ss") if piece in message], message
    assert Source(f"postgresql://me:s3cr3t@127.0.0.1:{port}/db", table="t").name == (
        f"postgresql://me:***@127.0.0.1:{port}/db"
    )


def test_a_server_that_stops_during_a_read_is_reported() -> None:
    from tests.servers.postgres import Postgres

    server = Postgres()
    try:
        query = "SELECT g AS id, repeat('x', 2000) AS text FROM generate_series(1, 300000) AS g"
        batches = scan_table(server.url, query=query).batches()
        assert next(batches).num_rows
        server.stop()
        with pytest.raises(Exception, match="cannot be read: ") as caught:
            list(batches)
        assert type(caught.value).__name__ == "DataError"
        assert len(str(caught.value).splitlines()) == 1
        server.start()
    finally:
        server.close()
