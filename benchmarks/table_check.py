"""The time and memory to check many Parquet files with `fasttrack check`, compared with only reading them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.results import Cell, ResultTable
from benchmarks.workload import median, run_interleaved
from fasttrack.errors import FastTrackError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.trained_model import TrainedModel
    from benchmarks.workload import Bench

__all__ = ["measure_table_check"]

_FILES = 10
_MB = 1e6
_ROWS_PER_FAULT = 1000
"""Of so many rows, one misses a required value and another one has an unseen category."""
_PRINT_PEAK = """
import atexit, sys
def peak():
    with open("/proc/self/status") as status:
        print(next(line for line in status if line.startswith("VmHWM")).split()[1], file=sys.stderr)
atexit.register(peak)
"""
"""The process prints its own peak: that reported by `wait` includes the parent's memory from before `exec`."""
_CHECK = "from fasttrack.cli import main; main()"
_READ = """
from pathlib import Path
import pyarrow.parquet as pq
for file in sorted(Path(sys.argv[2]).iterdir()):
    for batch in pq.ParquetFile(file).iter_batches(65_536):
        pass
"""


def measure_table_check(bench: Bench, model: TrainedModel, table: Path) -> ResultTable:
    """Seconds and peak memory of `fasttrack check` on many rows, drawn from the Parquet `table`, some with faults."""
    folder = bench.folder / "many-files"
    rows = bench.workload.check_rows
    _write_files(table, folder, rows)
    size = sum(file.stat().st_size for file in folder.iterdir())
    check = ["check", str(folder), "--model", model.bundle.label, "--store", str(model.store), "--json"]
    results = run_interleaved(
        {
            "fasttrack check": partial(_run_check, check, rows),
            "only reading (pyarrow, batch by batch)": partial(_run_reader, ["read", str(folder)]),
        },
        bench.workload.rounds,
    )
    table_rows: list[tuple[Cell, ...]] = []
    for name, values in results.items():
        seconds, peak = median([value[0] for value in values]), median([value[1] for value in values])
        table_rows.append((name, rows, size / _MB, seconds, rows / seconds / 1e6, peak / _MB))
    return ResultTable(
        "check",
        "Checking a table against a contract",
        ("what", "rows", "Parquet, MB", "s", "million rows per second", "peak memory, MB"),
        table_rows,
        (
            f"Flights with all their columns, drawn with replacement into {_FILES} Parquet files. Seconds: from the "
            "start of the process to its end. Peak memory: the largest resident set of the process.",
        ),
        {
            f"{name}, {what}": [value[index] for value in values]
            for name, values in results.items()
            for index, what in enumerate(("seconds", "peak"))
        },
    )


def _write_files(table: Path, folder: Path, rows: int) -> None:
    folder.mkdir()
    complete = pq.read_table(table)
    for number in range(_FILES):
        random = np.random.default_rng(number)
        part = complete.take(pa.array(random.integers(0, complete.num_rows, rows // _FILES)))
        row_numbers = np.arange(part.num_rows)
        for name, offset, fault in (("distance", 0, None), ("carrier", 1, "??")):
            cells = part.column(name)
            is_fault = pa.array(row_numbers % _ROWS_PER_FAULT == offset)
            changed = pc.if_else(is_fault, pa.scalar(fault, cells.type), cells)
            part = part.set_column(part.column_names.index(name), name, changed)
        pq.write_table(part, folder / f"part-{number}.parquet")


def _run_check(command: Sequence[str], rows: int) -> tuple[float, float]:
    """Seconds and peak memory in bytes of `fasttrack check`, whose findings are verified."""
    seconds, peak, output = _run_script(_CHECK, command, code=1)  # because there are faults
    findings = {(finding["column"], finding["reason"]): finding["rows"] for finding in json.loads(output)["findings"]}
    faults = rows // _ROWS_PER_FAULT
    expected = {("distance", "missing"): faults, ("carrier", "unseen"): faults}
    if not expected.items() <= findings.items():
        raise FastTrackError(f"fasttrack check found {findings}, expected {expected}; wrong results are not measured")
    return seconds, peak


def _run_reader(command: Sequence[str]) -> tuple[float, float]:
    """Seconds and peak memory in bytes of a process that only reads the files."""
    return _run_script(_READ, command, code=0)[:2]


def _run_script(script: str, command: Sequence[str], *, code: int) -> tuple[float, float, str]:
    """Seconds, peak memory in bytes, and the output. Raises FastTrackError if the exit code is not `code`."""
    started = time.perf_counter()
    process = subprocess.run([sys.executable, "-c", _PRINT_PEAK + script, *command], capture_output=True, text=True)
    seconds = time.perf_counter() - started
    if process.returncode != code:
        raise FastTrackError(f"{command[0]} ended with {process.returncode}: {process.stderr.strip()[-2000:]}")
    return seconds, int(process.stderr.split()[-1]) * 1024.0, process.stdout
