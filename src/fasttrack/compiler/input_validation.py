"""Which rows scikit-learn refuses: those with missing, infinite or unknown values that a step does not accept.

A condition on a single input column becomes an input rule, which a server checks without running the graph.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from sklearn.utils import get_tags

from fasttrack.compiler import floats
from fasttrack.compiler.columns import SAFE_MAGNITUDE, CodedColumn, Columns, CompilationState, NumberColumn
from fasttrack.compiler.elementwise import ElementwiseStep, evaluate_steps, is_monotone
from fasttrack.compiler.graph_matrix import as_matrix
from fasttrack.compiler.not_compilable import NotCompilable
from fasttrack.compiler.text_features import TextBlock

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from spox import Var

__all__ = ["accepts_missing", "refuse_cells", "refuse_rows", "require_finite", "require_present", "validate_input"]

_LARGEST = float(np.finfo(np.float64).max)


def accepts_missing(estimator: Any) -> bool:
    """Whether `estimator` accepts NaN, according to scikit-learn's own tag."""
    return bool(get_tags(estimator).input_tags.allow_nan)


def validate_input(estimator: Any, x: Columns, *, allow_missing: bool | None = None) -> Columns:
    """`x` as float64 numbers, where rows that `estimator` does not accept are refused.

    `allow_missing`: whether NaN is accepted; by default as the estimator's tag says. Raises NotCompilable if all
    columns are float32, because scikit-learn would compute in float32.
    """
    numbers = x.with_features(x.numeric_features())
    if x.is_float32():
        raise NotCompilable("scikit-learn computes in float32 here; convert the columns to float64 before fitting")
    if allow_missing is None:
        allow_missing = accepts_missing(estimator)
    require_finite(numbers, allow_missing=allow_missing)
    return x.with_features(
        replace(feature, dtype="float64")
        if isinstance(feature, NumberColumn) and feature.dtype != "float64"
        else feature
        for feature in numbers
    )


def require_finite(x: Columns, *, allow_missing: bool) -> None:
    """Refuse rows in which a column is infinite, or NaN unless `allow_missing`."""
    uncertain = []
    for feature in x.numeric_features():
        if isinstance(feature, CodedColumn):
            cells = feature.numeric_cells()
            refuse_cells(x.state, feature, np.isinf(cells) if allow_missing else ~np.isfinite(cells))
        elif not _add_input_rules(x.state, feature, allow_missing=allow_missing):
            uncertain.append(feature)
    if uncertain:
        values = as_matrix(x.with_features(uncertain))
        refused = op.isinf(values) if allow_missing else op.not_(op.less_or_equal(op.abs(values), op.const(_LARGEST)))
        refuse_rows(x.state, refused)


def refuse_cells(state: CompilationState, column: CodedColumn, refused: NDArray[np.bool_]) -> None:
    """Refuse the cells of `column` where `refused` is true.

    Raises NotCompilable if a cell of a known category is among them.
    """
    if not refused.any():
        return
    if column.origin is None:
        raise NotCompilable("it refuses some values of a column that is computed from several input columns")
    origin = state.contract.columns[column.origin]
    if refused[-1]:
        require_present(state, column.origin)
    if origin.kind == "category":
        if refused[:-2].any():
            raise NotCompilable(f"it refuses a value of column {origin.name!r} that the contract accepts")
        if refused[-2]:
            state.must_be_known.add(column.origin)
        return
    if origin.kind == "boolean":  # its values are the codes, and there are no others
        accepted = np.flatnonzero(~refused[:-2]).astype(np.float64)
        others = refused[:-2]
    else:
        accepted, others = np.array(column.keys), refused[:-1]
    if others.any():
        if accepted.tolist() != sorted(map(float, origin.categories or ())):
            raise NotCompilable(
                f"it refuses values of column {origin.name!r} that the contract does not distinguish from others"
            )
        state.must_be_known.add(column.origin)


def require_present(state: CompilationState, origin: int) -> None:
    """Refuse rows in which the contract's column is missing, if the contract allows that."""
    if state.contract.columns[origin].nullable:
        state.must_be_present.add(origin)


def refuse_rows(state: CompilationState, cells: Var) -> None:
    """Refuse rows in which any of `cells`, bool[n, k], is true."""
    # ONNX has no reduction over booleans
    any_cell = op.reduce_max(op.cast(cells, to=np.float64), op.const(np.array([1])), keepdims=False)
    state.guards.append(op.greater(any_cell, op.const(0.0)))


def _stays_finite(number: NumberColumn) -> bool:
    """Whether the steps make no magnitude up to SAFE_MAGNITUDE infinite."""
    extremes = np.array([-SAFE_MAGNITUDE, SAFE_MAGNITUDE])
    return is_monotone(number.steps) and bool(np.isfinite(number.evaluate(extremes)).all())


@lru_cache(maxsize=1024)
def _finite_domain(steps: tuple[ElementwiseStep, ...]) -> tuple[float, float]:
    """The range of inputs with a finite result; most columns of a pipeline have the same steps."""
    return floats.finite_domain(partial(evaluate_steps, steps))


def _add_input_rules(state: CompilationState, number: NumberColumn, *, allow_missing: bool) -> bool:
    """Add the rules that follow from the input column. Returns whether they cover every refused value."""
    if isinstance(number.block, TextBlock):
        return not number.steps or _stays_finite(number)
    if number.origin is None or not is_monotone(number.steps):
        return False
    if not allow_missing and np.isnan(number.evaluate(np.array([np.nan]))[0]):
        require_present(state, number.origin)
    if number.block.bounded:
        return _stays_finite(number)
    if number.block is not state.matrix:
        return False
    if state.contract.columns[number.origin].kind == "boolean":
        return True
    low, high = _finite_domain(number.steps)
    if low > -_LARGEST or high < _LARGEST:
        before = state.bounds.get(number.origin, (-_LARGEST, _LARGEST))
        state.bounds[number.origin] = (max(low, before[0]), min(high, before[1]))
    return True
