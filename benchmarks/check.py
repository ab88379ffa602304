"""How long a check of a large set of Parquet files takes, and how much memory, beside only reading it."""

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

from benchmarks.plan import interleaved, middle
from benchmarks.report import Cell, Table
from fasttrack.errors import FastTrackError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.plan import Bench
    from benchmarks.questions import Subject

__all__ = ["measure_check"]

_FILES = 10
_MB = 1e6
_ODD = 1000
"""In one row of so many a required value is missing, in another one a category is unseen."""
_PEAK = """
import atexit, sys
def peak():
    with open("/proc/self/status") as status:
        print(next(line for line in status if line.startswith("VmHWM")).split()[1], file=sys.stderr)
atexit.register(peak)
"""
"""The process tells its peak itself: what `wait` tells of a child counts the parent's memory too, from before exec."""
_CHECK = "from fasttrack.cli import main; main()"
_READ = """
from pathlib import Path
import pyarrow.parquet as pq
for file in sorted(Path(sys.argv[2]).iterdir()):
    for batch in pq.ParquetFile(file).iter_batches(65_536):
        pass
"""


def measure_check(bench: Bench, subject: Subject, table: Path) -> Table:
    """Seconds and peak memory of `fasttrack check` on many times the rows of a Parquet `table`, with faults in it."""
    folder = bench.folder / "many-files"
    rows = bench.plan.check_rows
    _write_many(table, folder, rows)
    size = sum(file.stat().st_size for file in folder.iterdir())
    check = ["check", str(folder), "--model", subject.bundle.label, "--store", str(subject.store), "--json"]
    found = interleaved(
        {
            "fasttrack check": partial(_checked, check, rows),
            "reading alone (pyarrow, batch by batch)": partial(_run, _READ, ["read", str(folder)]),
        },
        bench.plan.rounds,
    )
    told: list[tuple[Cell, ...]] = []
    for name, values in found.items():
        seconds, peak = middle([value[0] for value in values]), middle([value[1] for value in values])
        told.append((name, rows, size / _MB, seconds, rows / seconds / 1e6, peak / _MB))
    return Table(
        "check",
        "Checking a table against a contract",
        ("what", "rows", "Parquet, MB", "s", "million rows a second", "peak memory, MB"),
        told,
        (
            f"The flights, drawn with replacement into {_FILES} files of Parquet, all their columns. Seconds from the "
            "start of the process to its end; peak: the largest resident set of the process.",
        ),
        {
            f"{name}, {what}": [value[index] for value in values]
            for name, values in found.items()
            for index, what in enumerate(("seconds", "peak"))
        },
    )


def _write_many(table: Path, folder: Path, rows: int) -> None:
    folder.mkdir()
    whole = pq.read_table(table)
    for number in range(_FILES):
        random = np.random.default_rng(number)
        part = whole.take(pa.array(random.integers(0, whole.num_rows, rows // _FILES)))
        places = np.arange(part.num_rows)
        for name, at, other in (("distance", 0, None), ("carrier", 1, "??")):
            cells = part.column(name)
            odd = pa.array(places % _ODD == at)
            changed = pc.if_else(odd, pa.scalar(other, cells.type), cells)
            part = part.set_column(part.column_names.index(name), name, changed)
        pq.write_table(part, folder / f"part-{number}.parquet")


def _checked(command: Sequence[str], rows: int) -> tuple[float, float]:
    seconds, peak, out = _told(_CHECK, command, code=1)  # there are faults
    findings = {(one["column"], one["reason"]): one["rows"] for one in json.loads(out)["findings"]}
    expected = {("distance", "missing"): rows // _ODD, ("carrier", "unseen"): rows // _ODD}
    if not expected.items() <= findings.items():
        raise FastTrackError(f"fasttrack check found {findings}, planted was {expected}; not worth measuring")
    return seconds, peak


def _run(program: str, command: Sequence[str]) -> tuple[float, float]:
    return _told(program, command, code=0)[:2]


def _told(program: str, command: Sequence[str], *, code: int) -> tuple[float, float, str]:
    """Seconds, peak memory in bytes, and what it printed. Raises FastTrackError when it ends otherwise."""
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", _PEAK + program, *command], capture_output=True, text=True)
    seconds = time.perf_counter() - begun
    if done.returncode != code:
        raise FastTrackError(f"{command[0]} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return seconds, int(done.stderr.split()[-1]) * 1024.0, done.stdout
