"""Dates and times → their parts, in whole numbers as pandas counts them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import spox.opset.ai.onnx.v21 as op

from fasttrack.compiler.columns import Block, Columns, Moment, Number
from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.lower import register
from fasttrack.compiler.matrix import as_matrix
from fasttrack.compiler.steps import Step

if TYPE_CHECKING:
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
        seconds = Number(moment.block, moment.index, (Step("microseconds", (float(moment.unit),)),), moment.origin)
        parts = Block(_parts(as_matrix(x.of([seconds]))), 6, small=True)
        features += [seconds, *(Number(parts, i, (), moment.origin) for i in range(6))]
    return x.of(features)


def _parts(seconds: Var) -> Var:
    """float64[n, 6] of float64[n, 1] seconds: year, month, day, weekday, day of year and hour; NaN where missing.

    The Gregorian calendar counted from 1 March of the year 0, so that leap days come last: H. Hinnant,
    chrono-Compatible Low-Level Date Algorithms, 2014. All whole numbers far below 2^53, where float64 is exact.
    """
    whole = op.floor(seconds)
    days = _over(whole, 86_400)
    hour = _over(_less(whole, days, 86_400), 3_600)
    z = _plus(days, _FIRST + 306)
    era = _over(z, 146_097)
    day = _less(z, era, 146_097)
    leaps = op.sub(op.sub(_over(day, 36_524), _over(day, 1_460)), _over(day, 146_096))
    year = _over(op.add(day, leaps), 365)
    since_march = op.sub(day, op.sub(op.add(_times(year, 365), _over(year, 4)), _over(year, 100)))
    month = _over(_plus(_times(since_march, 5), 2), 153)
    of_month = op.sub(_plus(since_march, 1), _over(_plus(_times(month, 153), 2), 5))
    next_year = op.greater_or_equal(month, op.const(10.0))
    civil_month = _plus(month, op.where(next_year, op.const(-9.0), op.const(3.0)))
    civil_year = op.add(op.add(year, _times(era, 400)), op.where(next_year, op.const(1.0), op.const(0.0)))
    before = _plus(civil_year, -1)
    years_days = op.add(op.sub(op.add(_times(before, 365), _over(before, 4)), _over(before, 100)), _over(before, 400))
    since_first = _plus(days, _FIRST)
    of_year = _plus(op.sub(since_first, years_days), 1)
    weekday = _less(since_first, _over(since_first, 7), 7)  # 1 January of the year 1 was a Monday
    return op.concat([civil_year, civil_month, of_month, weekday, of_year, hour], axis=1)


def _over(x: Var, by: int) -> Var:
    return op.floor(op.div(x, op.const(float(by))))


def _times(x: Var, by: int) -> Var:
    return op.mul(x, op.const(float(by)))


def _plus(x: Var, by: int | Var) -> Var:
    return op.add(x, op.const(float(by)) if isinstance(by, int) else by)


def _less(x: Var, times: Var, by: int) -> Var:
    """What is left of `x` after `times` times `by`."""
    return op.sub(x, _times(times, by))
