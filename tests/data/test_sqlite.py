"""Tables and queries of SQLite, where cells have types and columns have none."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from fasttrack.data import read_table, scan_table
from tests.data.files import refusal, types, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., str]:
    """The address of a new database with a table `t` of these columns."""

    def make(columns: str, rows: list[tuple[Any, ...]]) -> str:
        path = tmp_path / "t.sqlite"
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(f"CREATE TABLE t ({columns})")
            connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(rows[0]))})", rows)
        return f"sqlite:///{path}"

    return make


def test_the_types_are_those_of_the_cells(made: Callable[..., str]) -> None:
    rows = [
        (1, 1.5, 1, "a", "2013-01-01", 1, 2, b"x", None, "2013-01-01 05:00:00+02:00", 0),
        (2, 2, 0, None, None, None, 2.5, None, None, " 2013-01-02T00:00:00Z", 2),
    ]
    url = made("i INTEGER, f REAL, flag BOOLEAN, t TEXT, day, n, mixed, raw BLOB, none, moment, more BOOLEAN", rows)
    read = read_table(url, table="t")
    moment = "timestamp[us, tz=UTC]"
    assert types(read) == {
        "i": "int64",
        "f": "double",
        "flag": "bool",
        "t": "string",
        "day": moment,
        "n": "int64",
        "mixed": "double",
        "raw": "binary",
        "none": "null",
        "moment": moment,
        "more": "int64",
    }
    assert read.column("mixed").to_pylist() == [2.0, 2.5]
    assert read.column("flag").to_pylist() == [True, False]
    assert read.column("moment").to_pylist() == [
        datetime(2013, 1, 1, 3, tzinfo=UTC),
        datetime(2013, 1, 2, tzinfo=UTC),
    ]
    assert scan_table(url, table="t").columns == dict(zip(read.column_names, read.schema.types, strict=True))


def test_a_query_names_columns_nulls_and_kinds(made: Callable[..., str]) -> None:
    url = made("a, b, c", [(1, "NA", 7), (2, 5, -999), (3, 6, 8)])
    assert refusal(url, table="t") == (
        f"{url}: 'b' contains numbers and text; cast it in a --query, or set the column's kind to category to read "
        "all as text"
    )
    read = read_table(url, table="t", nulls=["NA", "-999"])
    assert read.to_pydict() == {"a": [1, 2, 3], "b": [None, 5, 6], "c": [7, None, 8]}
    assert read_table(url, table="t", kinds={"b": "category"}).column("b").to_pylist() == ["NA", "5", "6"]
    assert read_table(url, query="SELECT a * 2 AS twice, b FROM t WHERE a > 1; ", columns=["twice"]).to_pydict() == {
        "twice": [4, 6]
    }


def test_an_error_among_times_is_reported_with_its_row(made: Callable[..., str]) -> None:
    rows = [("2013-01-01",)] * 99 + [("soon",)]
    url = made("day", rows)
    assert refusal(url, table="t") == (
        f'{url} row 100: day is "soon", expected a date or time; fix the cell, pass --null soon, '
        "or --kind day=category to keep it as text"
    )
    assert types(read_table(url, table="t", nulls=["soon"])) == {"day": "timestamp[us, tz=UTC]"}
    assert types(read_table(url, query="SELECT * FROM (SELECT day FROM t LIMIT 1 OFFSET 99)")) == {"day": "string"}


def test_a_long_table_is_streamed_and_sampled(made: Callable[..., str]) -> None:
    url = made("id INTEGER, day TEXT", [(i, f"2013-01-{i % 28 + 1:02}") for i in range(140_000)])
    batches = list(scan_table(url, table="t").batches())
    assert [batch.num_rows for batch in batches] == [65_536, 65_536, 8_928]
    assert [cell for batch in batches for cell in batch.column("id").to_pylist()] == list(range(140_000))
    subset = read_table(url, table="t", rows=500, columns=["id"])
    assert len(set(subset.column("id").to_pylist())) == 500
    assert subset.equals(read_table(url, table="t", rows=500, columns=["id"]))


def test_each_refusal_is_one_clear_line(made: Callable[..., str], tmp_path: Path) -> None:
    url = made("a, b", [(1, 2)])
    assert refusal(url, table="s") == f"{url} cannot be read: no such table: s; check the table's name"
    assert refusal(url, query="SELECT c FROM t") == f"{url} cannot be read: no such column: c; check the query"
    assert refusal(url, query="SELECT a FROM t WHERE") == f"{url} cannot be read: incomplete input; check the query"
    assert refusal(url, query="DROP TABLE t") == f"{url}: the query begins with DROP; give one that selects: SELECT …"
    assert refusal(url) == f"{url} is a database: say what to read, with --query or --table"
    assert refusal("sqlite:///none.db", table="t") == (
        "sqlite:///none.db: there is no file none.db; write sqlite:///FILE, or sqlite:////FILE for an absolute path"
    )
    odd = write(tmp_path, "odd.sqlite", "no database at all, but text " * 50)
    assert refusal(f"sqlite:///{odd}", table="t") == (
        f"sqlite:///{odd} cannot be read: file is not a database; check that it is a SQLite file"
    )
    assert not (tmp_path / "none.db").exists()
