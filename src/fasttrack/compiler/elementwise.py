"""Elementwise steps: one number in, one number out, in NumPy while compiling and as ONNX operators in the graph.

The NumPy form repeats scikit-learn's arithmetic operation by operation, because tree thresholds and category tables are
computed with it. NaN means missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import spox.opset.ai.onnx.v21 as op
from scipy import special

from fasttrack.compiler.mathematics import arcsinh, cbrt, expit, expm1, log1p

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from spox import Var

    Floats = NDArray[np.float64]

__all__ = ["ElementwiseStep", "append_step", "apply_in_graph", "evaluate_steps", "is_monotone"]


@dataclass(frozen=True)
class ElementwiseStep:
    """A named operation with its constants."""

    operation: str
    constants: tuple[float, ...] = ()


@dataclass(frozen=True)
class _Operation:
    """Both forms of an operation.

    `monotone`: whether it is non-decreasing and gives a number or infinity for every number, with these constants.
    """

    numpy: Callable[..., Any]
    graph: Callable[..., Var]
    monotone: Callable[..., bool]


def evaluate_steps(steps: Sequence[ElementwiseStep], x: Floats) -> Floats:
    """`x` after all steps, equal to scikit-learn's result to the last bit."""
    with np.errstate(all="ignore"):
        for step in steps:
            x = _OPERATIONS[step.operation].numpy(x, *step.constants)
    return x


def apply_in_graph(columns: Sequence[Sequence[ElementwiseStep]], x: Var) -> Var:
    """Operators that apply the steps `columns[i]` to column i of `x`, float64[n, k].

    All columns must have the same sequence of operations; their constants may differ.
    """
    for steps in zip(*columns, strict=True):
        constants = zip(*(step.constants for step in steps), strict=True)
        x = _OPERATIONS[steps[0].operation].graph(x, *map(_row_constant, constants))
    return x


def is_monotone(steps: Sequence[ElementwiseStep]) -> bool:
    """Whether all steps together are non-decreasing and give a number or infinity for every number."""
    return all(_OPERATIONS[step.operation].monotone(*step.constants) for step in steps)


def append_step(steps: tuple[ElementwiseStep, ...], step: ElementwiseStep) -> tuple[ElementwiseStep, ...]:
    """`steps` followed by `step`. A step after an indicator is applied to the indicator's two values at once."""
    if steps and steps[-1].operation == "indicator":
        present, missing = evaluate_steps([step], np.array(steps[-1].constants))
        return (*steps[:-1], ElementwiseStep("indicator", (float(present), float(missing))))
    return (*steps, step)


def _row_constant(values: Sequence[float]) -> Var:
    """float64[k], one value per column, or float64[1] if all are equal."""
    equal = len(set(values)) == 1
    return op.const(np.asarray(values[:1] if equal else values, dtype=np.float64))


def _float32(x: Any) -> Any:
    return x.astype(np.float32).astype(np.float64)


def _narrow(x: Any) -> Any:
    rounded = _float32(x)
    return np.where(np.isinf(rounded), x, rounded)


def _narrow_graph(x: Var) -> Var:
    rounded = op.cast(op.cast(x, to=np.float32), to=np.float64)
    return op.where(op.isinf(rounded), x, rounded)


def _microseconds(x: Any, unit: float = 1.0) -> Any:
    # the years 1 to 9999 are far inside this range; beyond it, int64 microseconds would overflow
    seconds = np.clip(np.where(np.isnan(x), 0, x), -1e12, 1e12)
    whole_seconds = np.floor(seconds)
    micros = whole_seconds.astype(np.int64) * 1_000_000 + np.rint((seconds - whole_seconds) * 1e6).astype(np.int64)
    micros = micros // int(unit) * int(unit)
    return np.where(np.isnan(x), np.nan, micros / 1e6)


def _microseconds_graph(x: Var, unit: Var | None = None) -> Var:
    whole_seconds = op.floor(x)
    fraction = op.round(op.mul(op.sub(x, whole_seconds), op.const(1e6)))
    million, integer = op.const(np.int64(1_000_000)), np.int64
    micros = op.add(op.mul(op.cast(whole_seconds, to=integer), million), op.cast(fraction, to=integer))
    if unit is not None:
        # times before 1970 are negative, and integer division would round them towards zero
        micros = op.sub(micros, op.mod(micros, op.cast(unit, to=integer)))
    return op.where(op.isnan(x), x, op.div(op.cast(micros, to=np.float64), op.const(1e6)))


def _yeo_johnson(x: Any, power: float) -> Any:
    log_positive, log_negative = np.log1p(np.maximum(x, 0.0)), np.log1p(np.maximum(-x, 0.0))
    positive = log_positive if abs(power) < _EPSILON else np.expm1(power * log_positive) / power
    other = 2 - power
    negative = -log_negative if abs(power - 2) <= _EPSILON else -np.expm1(other * log_negative) / other
    return np.where(np.isnan(x), x, np.where(x >= 0, positive, negative))


def _yeo_johnson_graph(x: Var, power: Var) -> Var:
    zero = op.const(0.0)
    other = op.sub(op.const(2.0), power)
    positive = _box_cox(log1p(op.max([x, zero])), power)
    negative = op.neg(_box_cox(log1p(op.max([op.neg(x), zero])), other))
    return op.where(op.isnan(x), x, op.where(op.greater_or_equal(x, zero), positive, negative))


def _box_cox(logarithm: Var, power: Var) -> Var:
    """(exp(power · logarithm) − 1) / power, or its limit if the power is 0."""
    is_zero = op.less(op.abs(power), op.const(_EPSILON))
    safe = op.where(is_zero, op.const(1.0), power)
    return op.where(is_zero, logarithm, op.div(expm1(op.mul(safe, logarithm)), safe))


def _inverse_yeo_johnson(x: Any, power: float) -> Any:
    upper, lower = np.maximum(x, 0.0), np.minimum(x, 0.0)
    positive = np.expm1(upper) if abs(power) < _EPSILON else np.power(upper * power + 1, 1 / power) - 1
    other = 2 - power
    negative = -np.expm1(-lower) if abs(other) <= _EPSILON else 1 - np.power(-other * lower + 1, 1 / other)
    return np.where(np.isnan(x), x, np.where(x >= 0, positive, negative))


def _inverse_yeo_johnson_graph(x: Var, power: Var) -> Var:
    zero, one = op.const(0.0), op.const(1.0)
    other = op.sub(op.const(2.0), power)
    positive = _power_root(op.max([x, zero]), power)
    negative = op.neg(_power_root(op.neg(op.min([x, zero])), other))
    return op.where(
        op.isnan(x), x, op.where(op.greater_or_equal(x, zero), op.sub(positive, one), op.add(negative, one))
    )


def _power_root(x: Var, power: Var) -> Var:
    """(power · x + 1) ^ (1 / power), or its limit if the power is 0."""
    one = op.const(1.0)
    is_zero = op.less(op.abs(power), op.const(_EPSILON))
    safe = op.where(is_zero, one, power)
    return op.where(is_zero, op.exp(x), op.pow(op.add(op.mul(x, safe), one), op.div(one, safe)))


def _inverse_box_cox_graph(x: Var, power: Var) -> Var:
    is_zero = op.equal(power, op.const(0.0))
    safe = op.where(is_zero, op.const(1.0), power)
    return op.where(is_zero, op.exp(x), op.exp(op.div(log1p(op.mul(safe, x)), safe)))


def _bin_graph(x: Var, *edges: Var) -> Var:
    bin_number = op.cast(op.greater_or_equal(x, edges[0]), to=np.float64)
    for edge in edges[1:]:
        bin_number = op.add(bin_number, op.cast(op.greater_or_equal(x, edge), to=np.float64))
    return bin_number


def _always(*_: float) -> bool:
    return True


def _never(*_: float) -> bool:
    return False


def _if_finite(constant: float) -> bool:
    return bool(np.isfinite(constant))


def _if_positive(constant: float) -> bool:
    return 0 < constant < np.inf


_EPSILON = float(np.finfo(np.float64).eps)

_OPERATIONS: dict[str, _Operation] = {
    "+": _Operation(np.add, op.add, _if_finite),
    "-": _Operation(np.subtract, op.sub, _if_finite),
    "*": _Operation(np.multiply, op.mul, _if_positive),
    "/": _Operation(np.divide, op.div, _if_positive),
    "clip": _Operation(np.clip, lambda x, low, high: op.min([op.max([x, low]), high]), _always),
    "fill": _Operation(
        lambda x, value: np.where(np.isnan(x), value, x), lambda x, value: op.where(op.isnan(x), value, x), _always
    ),
    "replace": _Operation(
        lambda x, old, new: np.where(x == old, new, x), lambda x, old, new: op.where(op.equal(x, old), new, x), _never
    ),
    "equals": _Operation(
        lambda x, value: (x == value).astype(np.float64),
        lambda x, value: op.cast(op.equal(x, value), to=np.float64),
        _never,
    ),
    "indicator": _Operation(
        lambda x, present, missing: np.where(np.isnan(x), missing, present),
        lambda x, present, missing: op.where(op.isnan(x), missing, present),
        _always,
    ),
    # LightGBM treats the smallest magnitudes as zero
    "flush": _Operation(
        lambda x, least: np.where(np.abs(x) <= least, 0.0, x),
        lambda x, least: op.where(op.less_or_equal(op.abs(x), least), op.const(0.0), x),
        _always,
    ),
    "float32": _Operation(_float32, lambda x: op.cast(op.cast(x, to=np.float32), to=np.float64), _always),
    # a float32 column, which becomes float64 where a number does not fit into float32
    "narrow": _Operation(_narrow, _narrow_graph, _always),
    "microseconds": _Operation(_microseconds, _microseconds_graph, _always),
    "absolute": _Operation(np.absolute, op.abs, _never),
    "negative": _Operation(np.negative, op.neg, _never),
    "square": _Operation(np.square, lambda x: op.mul(x, x), _never),
    "sqrt": _Operation(np.sqrt, op.sqrt, _never),
    "exp": _Operation(np.exp, op.exp, _always),
    "log": _Operation(np.log, op.log, _never),
    "expm1": _Operation(np.expm1, expm1, _always),
    "log1p": _Operation(np.log1p, log1p, _never),
    "log2": _Operation(np.log2, lambda x: op.div(op.log(x), op.const(np.log(2.0))), _never),
    "log10": _Operation(np.log10, lambda x: op.div(op.log(x), op.const(np.log(10.0))), _never),
    "reciprocal": _Operation(np.reciprocal, op.reciprocal, _never),
    "sign": _Operation(np.sign, op.sign, _always),
    "floor": _Operation(np.floor, op.floor, _always),
    "ceil": _Operation(np.ceil, op.ceil, _always),
    "rint": _Operation(np.rint, op.round, _always),
    "expit": _Operation(special.expit, expit, _always),
    "tanh": _Operation(np.tanh, op.tanh, _always),
    "arcsinh": _Operation(np.arcsinh, arcsinh, _always),
    # not monotone: glibc's cube root, which NumPy uses where it has none of its own, may decrease by the last bit
    "cbrt": _Operation(np.cbrt, cbrt, _never),
    "exp2": _Operation(np.exp2, lambda x: op.pow(op.const(2.0), x), _always),
    "above": _Operation(
        lambda x, threshold: np.where(np.isnan(x), x, (x > threshold).astype(np.float64)),
        lambda x, threshold: op.where(op.isnan(x), x, op.cast(op.greater(x, threshold), to=np.float64)),
        _always,
    ),
    "bin": _Operation(
        lambda x, *edges: np.where(np.isnan(x), x, np.searchsorted(edges, x, side="right")),
        _bin_graph,
        _always,
    ),
    "box-cox": _Operation(special.boxcox, lambda x, power: _box_cox(op.log(x), power), _never),
    "inverse box-cox": _Operation(special.inv_boxcox, _inverse_box_cox_graph, _never),
    "yeo-johnson": _Operation(_yeo_johnson, _yeo_johnson_graph, _always),
    "inverse yeo-johnson": _Operation(_inverse_yeo_johnson, _inverse_yeo_johnson_graph, _never),
    "tan": _Operation(np.tan, lambda x: op.div(op.sin(x), op.cos(x)), _never),
    "sin": _Operation(np.sin, op.sin, _never),
    "cos": _Operation(np.cos, op.cos, _never),
}
