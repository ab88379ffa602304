"""`python -m benchmarks`: train models, check their predictions, measure, write the tables."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import other_servers
from benchmarks.contenders import other_build
from benchmarks.datasets import FLIGHTS_IGNORED, FLIGHTS_TARGET, sample_rows, write_flights
from benchmarks.footprint import image_bytes, measure_footprint
from benchmarks.in_process import measure_in_process
from benchmarks.monitoring_cost import measure_memory, measure_monitoring_cost
from benchmarks.one_row import measure_one_row
from benchmarks.one_text import measure_one_text
from benchmarks.processors import choose_processors, describe_machine
from benchmarks.quality import measure_quality
from benchmarks.results import Cell, ResultTable, write_results
from benchmarks.rows_per_request import measure_rows_per_request
from benchmarks.table_check import measure_table_check
from benchmarks.table_reading import measure_table_reading
from benchmarks.trained_model import TrainedModel, train_model
from benchmarks.widths import measure_widths
from benchmarks.workload import FULL, QUICK, Bench
from benchmarks.wrk import require_wrk
from fasttrack.errors import FastTrackError

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.servers import Contender

_RESULTS = Path(__file__).parent / "results"


class _Inputs:
    """What the parts measure. The table and the models are created when a part first needs them."""

    def __init__(self, options: argparse.Namespace, bench: Bench) -> None:
        self._options = options
        self.bench = bench
        image: str | None = options.image
        self.image_bytes = None
        """The size of the container image, with --image."""
        if image is not None:
            self.image_bytes = int(image) if image.isdigit() else image_bytes(image)

    @cached_property
    def table(self) -> Path:
        """The flights, or a sample of them."""
        flights = write_flights(self.bench.folder)
        rows = self.bench.workload.table_rows
        return flights if rows is None else sample_rows(flights, rows)

    @cached_property
    def model(self) -> TrainedModel:
        """Histogram gradient boosting, trained on the table."""
        return self.train(self.table, "boosting")

    @cached_property
    def others(self) -> list[Contender]:
        """The other servers, with --extras, and the other build, with --against."""
        others = other_servers.installed_contenders(self.model, self.bench.folder) if self._options.extras else []
        checkout = self._options.against
        return others if checkout is None else [*others, other_build(self.model, checkout, self.bench.folder)]

    def train(self, table: Path, estimator: str) -> TrainedModel:
        """Train `estimator` on a table of flights."""
        _log(f"training {estimator}")
        return train_model(table, FLIGHTS_TARGET, estimator, self.bench.folder / "model", ignore=FLIGHTS_IGNORED)


def _in_process(inputs: _Inputs) -> list[ResultTable]:
    workload = inputs.bench.workload
    table = sample_rows(inputs.table, workload.in_process_rows)
    models = [inputs.model, *(inputs.train(table, family) for family in workload.families)]
    return [measure_in_process(inputs.bench, models)]


_PARTS: dict[str, Callable[[_Inputs], list[ResultTable]]] = {
    "one-row": lambda inputs: [measure_one_row(inputs.bench, inputs.model, inputs.others)],
    "many-rows": lambda inputs: [measure_rows_per_request(inputs.bench, inputs.model)],
    "widths": lambda inputs: [measure_widths(inputs.bench)],
    "text": lambda inputs: [measure_one_text(inputs.bench)],
    "in-process": _in_process,
    "footprint": lambda inputs: [measure_footprint(inputs.bench, inputs.model, inputs.others, inputs.image_bytes)],
    "check": lambda inputs: [measure_table_check(inputs.bench, inputs.model, inputs.table)],
    "monitoring": lambda inputs: [
        measure_monitoring_cost(inputs.bench, inputs.model),
        measure_memory(inputs.bench, inputs.model),
    ],
    "sources": lambda inputs: [measure_table_reading(inputs.bench)],
    "quality": lambda inputs: [measure_quality(inputs.bench)],
}
_ON_REQUEST = ("quality",)
"""Measured with `--only`, because it takes half an hour and installs other learners."""


def main() -> None:
    """Run the selected parts. A FastTrackError is printed in one line, with exit code 1."""
    options = _parse_options()
    try:
        with tempfile.TemporaryDirectory(prefix="fasttrack-benchmarks-") as folder:
            _measure(options, Path(folder))
    except FastTrackError as error:
        sys.exit(f"error: {error}")


def _parse_options() -> argparse.Namespace:
    others = ", ".join(other_servers.NAMES)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="use tiny sizes, only to test that everything runs")
    parser.add_argument("--only", action="append", choices=_PARTS, help="measure only this part; may be repeated")
    parser.add_argument("--extras", action="store_true", help=f"install {others} and measure them, too")
    parser.add_argument("--against", type=Path, metavar="DIR", help="measure the server of this checkout, too")
    parser.add_argument("--image", metavar="REFERENCE|BYTES", help="container image for the table, or its size")
    parser.add_argument("--output", type=Path, default=_RESULTS, metavar="DIR", help="folder for the tables")
    parser.add_argument("--rounds", type=int, help="how often to measure; the tables show the median")
    parser.add_argument("--seconds", type=int, help="duration of a round of load, in seconds")
    parser.add_argument("--quality-seconds", type=float, help="seconds for each learner with a budget, with quality")
    return parser.parse_args()


def _measure(options: argparse.Namespace, folder: Path) -> None:
    parts = options.only or [part for part in _PARTS if part not in _ON_REQUEST]
    if set(parts) - {"sources", "quality"}:
        require_wrk()
    names = ("rounds", "seconds", "quality_seconds")
    overrides = {name: value for name in names if (value := getattr(options, name)) is not None}
    workload = replace(QUICK if options.quick else FULL, **overrides)
    inputs = _Inputs(options, Bench(workload, choose_processors(), folder))
    if options.extras:
        _log(f"installing {', '.join(other_servers.NAMES)}")
        other_servers.install()
    machine = describe_machine() | (other_servers.installed_versions() if options.extras else {})
    settings: dict[str, Cell] = {
        "rounds": workload.rounds,
        "seconds per round": workload.seconds,
        "quick": str(options.quick).lower(),
    }
    tables: list[ResultTable] = []
    for part in parts:
        _log(f"measuring {part}")
        for table in _PARTS[part](inputs):
            print(table.markdown(), flush=True)
            tables.append(table)
        write_results(tables, machine, settings, options.output)  # after each part, because a later one may fail
    _log(f"wrote {options.output / 'results.md'} and results.json")


def _log(step: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {step}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
