"""Calendar features: the year, month, day, weekday, day of the year and hour of a date, as pandas counts them."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op

from fasttrack.compiler.columns import Block, Columns, DatetimeColumn, NumberColumn
from fasttrack.compiler.elementwise import ElementwiseStep
from fasttrack.compiler.graph_matrix import as_matrix
from fasttrack.compiler.lowering_registry import register
from fasttrack.compiler.not_compilable import NotCompilable

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from spox import Var

    from fasttrack.compiler.columns import Feature

__all__: list[str] = []

_DAYS_TO_1970 = 719_162
"""Days from 1 January of the year 1 to 1 January 1970."""


@register("fasttrack.training.calendar.CalendarFeatures")
def _calendar(calendar: Any, x: Columns) -> Columns:
    features: list[Feature] = []
    for column in x:
        if not isinstance(column, DatetimeColumn):
            raise NotCompilable("it reads a column that is not a date and time in the contract")
        rounding = ElementwiseStep("microseconds", () if column.unit == 1 else (float(column.unit),))
        seconds = NumberColumn(column.block, column.index, (rounding,), column.origin)
        parts = Block(_calendar_parts(as_matrix(x.with_features([seconds]))), 6, bounded=True)
        features += [seconds, *(NumberColumn(parts, i, (), column.origin) for i in range(6))]
    return x.with_features(features)


# longer than 60 lines, because it contains the matrices of its stages
def _calendar_parts(seconds: Var) -> Var:
    """float64[n, 6] from float64[n, 1] seconds: year, month, day, weekday, day of year and hour; NaN where missing.

    The algorithm counts the Gregorian calendar from 1 March of the year 0, so that a leap day is the last day of a
    year: H. Hinnant, chrono-Compatible Low-Level Date Algorithms, 2014. Each stage divides a few integers, far below
    2^53 where float64 is exact, and computes what the next stage needs. There are few operators, because the overhead
    of an operator is larger than its arithmetic.
    """
    days_hours = op.floor(op.div(op.floor(seconds), op.const(np.array([86_400.0, 3_600.0]))))
    # sums: days since 1 March 0 (twice), days since 1 January 1, a Monday (twice), hour
    # quotients: era of 400 years, days, weeks, days, hour
    state = _stage(
        days_hours,
        [[1, 1, 1, 1, -24], [0, 0, 0, 0, 1]],
        [_DAYS_TO_1970 + 306, _DAYS_TO_1970 + 306, _DAYS_TO_1970, _DAYS_TO_1970, 0],
        [146_097, 1, 7, 1, 1],
    )
    # sums: day of the era (three times), first year of the era, weekday, hour
    # quotients: century, whether it is the last day of the era, day of the era, year, weekday, hour
    state = _stage(
        state,
        [
            [-146_097, -146_097, -146_097, 400, 0, 0],
            [1, 1, 1, 0, 0, 0],
            [0, 0, 0, 0, -7, 0],
            [0, 0, 0, 0, 1, 0],
            [0, 0, 0, 0, 0, 1],
        ],
        [0, 0, 0, 0, 0, 0],
        [36_524, 146_096, 1, 1, 1, 1],
    )
    # The last day of an era must not begin a fifth century.
    # sums: day of the century, number of the century plus 2, day of the century, year, weekday, hour
    # quotients: four-year cycle, whether it is not the era's first century, day of the century, year, weekday, hour
    state = _stage(
        state,
        [
            [-36_524, 1, -36_524, 100, 0, 0],
            [36_524, -1, 36_524, -100, 0, 0],
            [1, 0, 1, 0, 0, 0],
            [0, 0, 0, 1, 0, 0],
            [0, 0, 0, 0, 1, 0],
            [0, 0, 0, 0, 0, 1],
        ],
        [0, 2, 0, 0, 0, 0],
        [1_461, 3, 1, 1, 1, 1],
    )
    # quotients: whether the cycle begins in a century year that is no leap year, day of the cycle, year, weekday, hour
    state = _stage(
        state,
        [
            [-1, -1_461, 4, 0, 0],
            [1, 0, 0, 0, 0],
            [0, 1, 0, 0, 0],
            [0, 0, 1, 0, 0],
            [0, 0, 0, 1, 0],
            [0, 0, 0, 0, 1],
        ],
        [24, 0, 0, 0, 0],
        [25, 1, 1, 1, 1],
    )
    table = _four_year_cycles()
    row = _linear(state, [[_CYCLE_DAYS], [1], [0], [0], [0]])
    row = op.where(op.isnan(row), op.const(len(table) - 1.0), row)
    from_table = op.gather(op.const(table), op.reshape(op.cast(row, to=np.int64), op.const(np.array([-1]))), axis=0)
    from_state = [[0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 1]]
    return op.add(from_table, _linear(state, from_state))


_CYCLE_DAYS = 1_461
"""Days of a four-year cycle."""


def _four_year_cycles() -> NDArray[np.float64]:
    """For each day of a cycle that begins on 1 March: years passed, month, day, 0, day of the year, 0.

    First for a cycle that begins in a leap year, then for one that begins in a year of 365 days; the last row, of NaN,
    is for a missing date.
    """
    rows = []
    for first in (2000, 1900):
        date = datetime.date(first, 3, 1)
        for _ in range(_CYCLE_DAYS):
            day_of_year = date.timetuple().tm_yday
            rows.append([date.year - first, date.month, date.day, 0.0, day_of_year, 0.0])
            date += datetime.timedelta(days=1)
    return np.array([*rows, [np.nan] * 6], dtype=np.float64)


def _stage(x: Var, weights: list[list[int]], offsets: list[int], divisors: list[int]) -> Var:
    """⌊(x · weights + offsets) / divisors⌋"""
    return op.floor(op.div(_linear(x, weights, offsets), op.const(np.array(divisors, dtype=np.float64))))


def _linear(x: Var, weights: list[list[int]], offsets: list[int] | None = None) -> Var:
    """x · weights + offsets"""
    bias = None if offsets is None or not any(offsets) else op.const(np.array(offsets, dtype=np.float64))
    return op.gemm(x, op.const(np.array(weights, dtype=np.float64)), bias)
