"""Dates and times → their parts, in whole numbers as pandas counts them."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op

from fasttrack.compiler.columns import Block, Columns, Moment, Number
from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.lower import register
from fasttrack.compiler.matrix import as_matrix
from fasttrack.compiler.steps import Step

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from spox import Var

    from fasttrack.compiler.columns import Feature

__all__: list[str] = []

_FIRST = 719_162
"""Days from 1 January of the year 1 to 1970."""


@register("fasttrack.training.calendar.CalendarFeatures")
def _calendar(calendar: Any, x: Columns) -> Columns:
    features: list[Feature] = []
    for moment in x:
        if not isinstance(moment, Moment):
            raise NotCompilable("it reads a column that the contract does not have as a date and time")
        rounding = Step("microseconds", () if moment.unit == 1 else (float(moment.unit),))
        seconds = Number(moment.block, moment.index, (rounding,), moment.origin)
        parts = Block(_parts(as_matrix(x.of([seconds]))), 6, small=True)
        features += [seconds, *(Number(parts, i, (), moment.origin) for i in range(6))]
    return x.of(features)


def _parts(seconds: Var) -> Var:
    """float64[n, 6] of float64[n, 1] seconds: year, month, day, weekday, day of year and hour; NaN where missing.

    The Gregorian calendar counted from 1 March of the year 0, so that leap days come last: H. Hinnant,
    chrono-Compatible Low-Level Date Algorithms, 2014. Each stage divides a few whole numbers, far below 2^53 where
    float64 is exact, and adds up what the next one needs: few operators, because each costs more than its arithmetic.
    """
    days_hours = op.floor(op.div(op.floor(seconds), op.const(np.array([86_400.0, 3_600.0]))))
    # days since 1 March 0, days since 1 January 1 (a Monday), hour
    state = _stage(
        days_hours,
        [[1, 1, 1, 1, -24], [0, 0, 0, 0, 1]],
        [_FIRST + 306, _FIRST + 306, _FIRST, _FIRST, 0],
        [146_097, 1, 7, 1, 1],
    )
    # era and days, weeks and days, hour → day of the era, its year, weekday, hour
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
    # century (the last day of an era would begin a fifth one) → day of the century, whether it is not the first, year
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
    # four years → whether they begin with a year that has no leap day for its century, day of the four years, year
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
    table = _four_years()
    place = _sums(state, [[_FOUR], [1], [0], [0], [0]])
    place = op.where(op.isnan(place), op.const(len(table) - 1.0), place)
    of_table = op.gather(op.const(table), op.reshape(op.cast(place, to=np.int64), op.const(np.array([-1]))), axis=0)
    rest = [[0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 1]]
    return op.add(of_table, _sums(state, rest))


_FOUR = 1_461
"""Days in four years."""


def _four_years() -> NDArray[np.float64]:
    """By day from 1 March of a year 0 on: years passed, month, day, 0, day of the year, 0.

    Then the same for four years of which the first has 365 days, and a row of NaN for a missing moment.
    """
    rows = []
    for first in (2000, 1900):
        moment = datetime.date(first, 3, 1)
        for _ in range(_FOUR):
            day = moment.timetuple().tm_yday
            rows.append([moment.year - first, moment.month, moment.day, 0.0, day, 0.0])
            moment += datetime.timedelta(days=1)
    return np.array([*rows, [np.nan] * 6], dtype=np.float64)


def _stage(x: Var, weights: list[list[int]], plus: list[int], divisors: list[int]) -> Var:
    """The sums, each divided and rounded down."""
    return op.floor(op.div(_sums(x, weights, plus), op.const(np.array(divisors, dtype=np.float64))))


def _sums(x: Var, weights: list[list[int]], plus: list[int] | None = None) -> Var:
    bias = None if plus is None or not any(plus) else op.const(np.array(plus, dtype=np.float64))
    return op.gemm(x, op.const(np.array(weights, dtype=np.float64)), bias)
