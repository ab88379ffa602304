"""Which rows scikit-learn refuses: missing or infinite numbers where a step does not take them.

What depends on one input column becomes a rule that a server checks without running the graph.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.utils import get_tags

from fasttrack.compiler import floats
from fasttrack.compiler.columns import SMALL, Columns, Number, Scope, Table
from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.matrix import as_matrix
from fasttrack.compiler.steps import monotone

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["accepted", "note_refused", "refuse", "require", "takes_missing"]

_LARGEST = float(np.finfo(np.float64).max)


def takes_missing(estimator: Any) -> bool:
    """Whether scikit-learn's own tag says that `estimator` takes NaN."""
    return bool(get_tags(estimator).input_tags.allow_nan)


def accepted(estimator: Any, x: Columns, *, missing: bool | None = None) -> Columns:
    """`x` as the finite numbers that `estimator` takes, after noting which rows it refuses.

    `missing`: whether it takes NaN too, by default as its tag says. Raises NotCompilable for columns that are all
    float32, which scikit-learn would compute with in float32.
    """
    numbers = x.of(x.numeric())
    if x.single():
        raise NotCompilable("scikit-learn computes in float32 here; convert the columns to float64 before fitting")
    note_refused(numbers, missing=takes_missing(estimator) if missing is None else missing)
    return x.of(replace(one, dtype="float64") if isinstance(one, Number) else one for one in numbers)


def note_refused(x: Columns, *, missing: bool) -> None:
    """Note which rows are refused where the columns must be finite, or NaN if `missing`."""
    unsure = []
    for feature in x.numeric():
        if isinstance(feature, Table):
            _check_table(x.scope, feature, missing=missing)
        elif not _check_number(x.scope, feature, missing=missing):
            unsure.append(feature)
    if unsure:
        _guard(x.of(unsure), missing=missing)


def refuse(scope: Scope, table: Table, refused: NDArray[np.bool_]) -> None:
    """Note that the cells of `table` where `refused` is true are refused. Raises NotCompilable if a code is."""
    if not refused.any():
        return
    if table.origin is None:
        raise NotCompilable("it refuses some values of a column that is computed from several")
    column = scope.contract.columns[table.origin]
    if refused[-1]:
        require(scope, table.origin)
    if column.kind == "category":
        if refused[:-2].any():
            word = np.asarray(table.cells, dtype=object)[:-2][refused[:-2]][0]
            raise NotCompilable(f"it refuses {word!r} in column {column.name!r}, which the contract takes")
        if refused[-2]:
            scope.must_be_known.add(table.origin)
        return
    if column.kind == "boolean":  # the codes are its values, and there is no other
        known = np.flatnonzero(~refused[:-2]).astype(np.float64)
        others = refused[:-2]
    else:
        known, others = np.array(table.keys), refused[:-1]
    if others.any():
        if known.tolist() != sorted(map(float, column.categories or ())):
            raise NotCompilable(
                f"it refuses values of column {column.name!r} that the contract does not tell from others"
            )
        scope.must_be_known.add(table.origin)


def _check_table(scope: Scope, table: Table, *, missing: bool) -> None:
    cells = table.numbers()
    refused = np.isinf(cells) if missing else ~np.isfinite(cells)
    refuse(scope, table, refused)


def _check_number(scope: Scope, number: Number, *, missing: bool) -> bool:
    """Note what the input column alone tells; `False` where the rest must be computed to know."""
    if number.origin is None or not monotone(number.steps):
        return False
    if not missing and np.isnan(number.values(np.array([np.nan]))[0]):
        require(scope, number.origin)
    if number.block.small:
        return bool(np.isfinite(number.values(np.array([-SMALL, SMALL]))).all())
    if number.block is not scope.matrix:
        return False
    if scope.contract.columns[number.origin].kind == "boolean":
        return True
    low, high = floats.finite_range(number.values)
    if low > -_LARGEST or high < _LARGEST:
        before = scope.bounds.get(number.origin, (-_LARGEST, _LARGEST))
        scope.bounds[number.origin] = (max(low, before[0]), min(high, before[1]))
    return True


def require(scope: Scope, origin: int) -> None:
    """Note that the contract's column must have a value, if requests may leave it out."""
    if scope.contract.columns[origin].nullable:
        scope.must_be_present.add(origin)


def _guard(x: Columns, *, missing: bool) -> None:
    values = as_matrix(x)
    bad = op.isinf(values) if missing else op.not_(op.less_or_equal(op.abs(values), op.const(_LARGEST)))
    # there is no reduction over booleans
    bad_ones = op.reduce_max(op.cast(bad, to=np.float64), op.const(np.array([1])), keepdims=False)
    x.scope.guards.append(op.greater(bad_ones, op.const(0.0)))
