"""How often the looks at a table find what was planted, and how often they find what is not there.

`python -m benchmarks.finding_rates` prints the table of docs/explanation/findings.md; it takes about a minute.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.generated_tables import (
    IDENTIFIERS,
    MEASURES,
    honest_table,
    with_copies,
    with_entities,
    with_leak,
    with_order,
    with_sum,
)
from fasttrack.config import TrainConfig
from fasttrack.contract.finding import CODES
from fasttrack.data import table_from_frame
from fasttrack.training.looks import look_at_rows, look_for_leaks
from fasttrack.training.split import split_table
from fasttrack.training.table import prepare
from fasttrack.training.task import choose_task

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.generated_tables import GeneratedTable
    from fasttrack.contract.finding import FindingCode, TableFinding

__all__ = ["Rate", "findings_of", "measure_rates"]

TABLES = 240
_FIRST = 1000
"""The first seed: the checks were tuned on tables of smaller ones."""


@dataclass(frozen=True)
class Rate:
    """Of `planted` faults `found` were found; of `honest` tables or columns `alarms` were named."""

    codes: tuple[FindingCode, ...]
    found: int
    planted: int
    alarms: int
    honest: int


def findings_of(table: GeneratedTable) -> list[TableFinding]:
    """What a training with a random split says of the table before it fits anything."""
    config = TrainConfig.of("generated.csv", target="y")
    cells = table_from_frame(table.X.assign(y=table.y), kinds={})
    ready = prepare(cells, "y")
    task = choose_task(ready.y).task
    config, ready = look_at_rows(config, ready, task)
    rows = split_table(ready, cells, task, config.split, "generated")
    return look_for_leaks(config, ready, rows, task).findings


def measure_rates(seeds: Iterable[int]) -> list[Rate]:
    """The rates of each check over the tables of the seeds."""
    seeds = list(seeds)
    honest = [findings_of(honest_table(seed)) for seed in seeds]

    def rate(codes: tuple[FindingCode, ...], planted: list[GeneratedTable]) -> Rate:
        found = sum(_is_found(table, findings_of(table), codes) for table in planted)
        alarms = sum(any(_is_alarm(finding, codes) for finding in findings) for findings in honest)
        return Rate(codes, found, len(planted), alarms, len(honest))

    return [
        _identifier_rate(seeds),
        rate(("FT103", "FT109"), [with_leak(seed) for seed in seeds]),
        rate(("FT104",), [with_sum(seed) for seed in seeds]),
        rate(("FT105",), [with_copies(seed) for seed in seeds]),
        rate(("FT106",), [with_entities(seed) for seed in seeds]),
        rate(("FT107",), [with_order(seed) for seed in seeds]),
    ]


def _is_found(table: GeneratedTable, findings: list[TableFinding], codes: tuple[FindingCode, ...]) -> bool:
    return any(_is_alarm(finding, codes) and set(table.planted) == set(finding.columns) for finding in findings)


def _is_alarm(finding: TableFinding, codes: tuple[FindingCode, ...]) -> bool:
    """Whether it is of one of the codes; rows that repeat by nature get a note that says so, which is none."""
    return finding.code in codes and not (finding.code == "FT105" and "combinations" in finding.message)


def _identifier_rate(seeds: list[int]) -> Rate:
    """One column of each kind at a time, beside two others."""

    def is_named(column: str, seed: int) -> bool:
        random = np.random.default_rng(seed)
        values = pd.Series({**IDENTIFIERS, **MEASURES}[column](random, int(random.choice([60, 160, 500, 1500]))))
        frame = pd.DataFrame(
            {"x": random.normal(size=len(values)), column: values, "y": random.normal(size=len(values))}
        )
        left_out = prepare(table_from_frame(frame, kinds={}), "y").left_out
        return "identifier" in left_out.get(column, "") or "number" in left_out.get(column, "")

    named = [is_named(list(IDENTIFIERS)[seed % len(IDENTIFIERS)], seed) for seed in seeds]
    alarms = [is_named(list(MEASURES)[seed % len(MEASURES)], seed) for seed in seeds]
    return Rate(("FT102",), sum(named), len(named), sum(alarms), len(alarms))


def main() -> None:
    """Print the rates as a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.finding_rates", description=__doc__)
    parser.add_argument(
        "--tables", type=int, default=TABLES, metavar="N", help="tables of each kind (default %(default)s)"
    )
    print("| finding | planted faults found | false alarms |\n|---|---|---|")
    for rate in measure_rates(range(_FIRST, _FIRST + parser.parse_args().tables)):
        meaning = " or ".join(CODES[code] for code in rate.codes)
        found = f"{rate.found} of {rate.planted} ({rate.found / rate.planted:.1%})"
        alarms = f"{rate.alarms} of {rate.honest} ({rate.alarms / rate.honest:.1%})"
        print(f"| {', '.join(rate.codes)} {meaning} | {found} | {alarms} |")


if __name__ == "__main__":
    main()
