"""`python -m benchmarks`: train, check, measure, write the tables."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

from benchmarks import extras
from benchmarks.check import measure_check
from benchmarks.footprint import image_bytes, measure_footprint
from benchmarks.in_process import measure_in_process
from benchmarks.machine import cores, describe
from benchmarks.many_rows import measure_many_rows
from benchmarks.one_row import measure_one_row
from benchmarks.plan import FULL, QUICK, Bench
from benchmarks.questions import Subject, train
from benchmarks.report import Cell, Table, write
from benchmarks.sources import measure_sources
from benchmarks.tables import FLIGHTS_TARGET, FLIGHTS_UNKNOWN, flights, sample
from benchmarks.watching import measure_memory, measure_watching
from benchmarks.widths import measure_widths
from benchmarks.wrk import require_wrk
from fasttrack.errors import FastTrackError

_RESULTS = Path(__file__).parent / "results"
_PARTS = ("one-row", "many-rows", "widths", "in-process", "footprint", "check", "watching", "sources")


def main() -> None:
    """Run the parts that were asked for; a FastTrackError is told in one line, and exits with 1."""
    options = _options()
    try:
        with tempfile.TemporaryDirectory(prefix="fasttrack-benchmarks-") as folder:
            _measure(options, Path(folder))
    except FastTrackError as error:
        sys.exit(f"error: {error}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: to see that it runs, not for figures")
    parser.add_argument("--only", action="append", choices=_PARTS, help="measure this part; may be repeated")
    parser.add_argument("--extras", action="store_true", help=f"install {', '.join(extras.NAMES)} and measure them too")
    parser.add_argument("--image", metavar="REFERENCE|BYTES", help="container image, or its size, for the table")
    parser.add_argument("--output", type=Path, default=_RESULTS, metavar="DIR", help="folder for the tables")
    parser.add_argument("--rounds", type=int, help="how often each is measured; the median counts")
    parser.add_argument("--seconds", type=int, help="length of a round of load")
    return parser.parse_args()


def _measure(options: argparse.Namespace, folder: Path) -> None:
    parts = options.only or _PARTS
    served = set(parts) - {"sources"}
    if served:
        require_wrk()
    given = {name: value for name in ("rounds", "seconds") if (value := getattr(options, name)) is not None}
    plan = replace(QUICK if options.quick else FULL, **given)
    bench = Bench(plan, cores(), folder)
    image = None
    if options.image is not None:
        image = int(options.image) if options.image.isdigit() else image_bytes(options.image)
    if options.extras:
        _tell(f"installing {', '.join(extras.NAMES)}")
        extras.install()

    @cache
    def table() -> Path:
        whole = flights(folder)
        return whole if plan.table_rows is None else sample(whole, plan.table_rows)

    @cache
    def subject() -> Subject:
        return _train(table(), "boosting", folder)

    others = extras.installed(subject(), folder) if options.extras and served else []

    machine = describe() | (extras.versions() if options.extras else {})
    tables: list[Table] = []
    for part in parts:
        _tell(f"measuring {part}")
        match part:
            case "one-row":
                tables.append(measure_one_row(bench, subject(), others))
            case "many-rows":
                tables.append(measure_many_rows(bench, subject()))
            case "widths":
                tables.append(measure_widths(bench))
            case "in-process":
                smaller = sample(table(), plan.in_process_rows)
                subjects = [subject(), *(_train(smaller, family, folder) for family in plan.families)]
                tables.append(measure_in_process(bench, subjects))
            case "footprint":
                tables.append(measure_footprint(bench, subject(), others, image))
            case "check":
                tables.append(measure_check(bench, subject(), table()))
            case "watching":
                tables += [measure_watching(bench, subject()), measure_memory(bench, subject())]
                print(tables[-2].markdown(), flush=True)
            case "sources":
                tables.append(measure_sources(bench))
        print(tables[-1].markdown(), flush=True)
        settings: dict[str, Cell] = {
            "rounds": plan.rounds,
            "seconds a round": plan.seconds,
            "quick": str(options.quick).lower(),
        }
        write(tables, machine, settings, options.output)  # after each part: a later one may fail
    _tell(f"wrote {options.output / 'results.md'} and results.json")


def _train(table: Path, estimator: str, folder: Path) -> Subject:
    _tell(f"training {estimator}")
    return train(table, FLIGHTS_TARGET, estimator, folder / "model", ignore=FLIGHTS_UNKNOWN)


def _tell(step: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {step}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
