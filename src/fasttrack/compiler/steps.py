"""Elementwise steps: one number in, one number out, in NumPy while compiling and as ONNX operators while serving.

The NumPy form repeats scikit-learn's arithmetic operation by operation, because thresholds and tables of categories
are computed with it. Missing is NaN.
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

__all__ = ["Step", "monotone", "run", "run_graph", "then"]


@dataclass(frozen=True)
class Step:
    """A named operation with its constants."""

    operation: str
    constants: tuple[float, ...] = ()


@dataclass(frozen=True)
class _Operation:
    numpy: Callable[..., Any]
    graph: Callable[..., Var]
    # never decreasing, and a number (or infinity) for every number
    monotone: Callable[..., bool]


def run(steps: Sequence[Step], x: Floats) -> Floats:
    """`x` after all steps, to the last bit what scikit-learn gives."""
    with np.errstate(all="ignore"):
        for step in steps:
            x = _OPERATIONS[step.operation].numpy(x, *step.constants)
    return x


def run_graph(columns: Sequence[Sequence[Step]], x: Var) -> Var:
    """The operators for float64[n, k] `x`, whose column i takes the steps `columns[i]`, all the same operations."""
    for steps in zip(*columns, strict=True):
        constants = zip(*(step.constants for step in steps), strict=True)
        x = _OPERATIONS[steps[0].operation].graph(x, *map(_row, constants))
    return x


def monotone(steps: Sequence[Step]) -> bool:
    """Whether the steps together never decrease, and give a number for every number."""
    return all(_OPERATIONS[step.operation].monotone(*step.constants) for step in steps)


def then(steps: tuple[Step, ...], step: Step) -> tuple[Step, ...]:
    """`steps` followed by `step`. What comes after an indicator changes its two values."""
    if steps and steps[-1].operation == "indicator":
        present, missing = run([step], np.array(steps[-1].constants))
        return (*steps[:-1], Step("indicator", (float(present), float(missing))))
    return (*steps, step)


def _row(values: Sequence[float]) -> Var:
    alike = len(set(values)) == 1
    return op.const(np.asarray(values[:1] if alike else values, dtype=np.float64))


def _single(x: Any) -> Any:
    return x.astype(np.float32).astype(np.float64)


def _narrow(x: Any) -> Any:
    rounded = _single(x)
    return np.where(np.isinf(rounded), x, rounded)


def _narrow_graph(x: Var) -> Var:
    rounded = op.cast(op.cast(x, to=np.float32), to=np.float64)
    return op.where(op.isinf(rounded), x, rounded)


def _microseconds(x: Any, unit: float = 1.0) -> Any:
    # the years 1 to 9999 are well inside; beyond, whole microseconds would wrap around
    seconds = np.clip(np.where(np.isnan(x), 0, x), -1e12, 1e12)
    whole = np.floor(seconds)
    micros = whole.astype(np.int64) * 1_000_000 + np.rint((seconds - whole) * 1e6).astype(np.int64)
    micros = micros // int(unit) * int(unit)
    return np.where(np.isnan(x), np.nan, micros / 1e6)


def _microseconds_graph(x: Var, unit: Var | None = None) -> Var:
    whole = op.floor(x)
    fraction = op.round(op.mul(op.sub(x, whole), op.const(1e6)))
    million, integer = op.const(np.int64(1_000_000)), np.int64
    micros = op.add(op.mul(op.cast(whole, to=integer), million), op.cast(fraction, to=integer))
    if unit is not None:
        # moments before 1970 are negative, and integer division here rounds towards zero
        micros = op.sub(micros, op.mod(micros, op.cast(unit, to=integer)))
    return op.where(op.isnan(x), x, op.div(op.cast(micros, to=np.float64), op.const(1e6)))


def _yeo_johnson(x: Any, power: float) -> Any:
    up, down = np.log1p(np.maximum(x, 0.0)), np.log1p(np.maximum(-x, 0.0))
    above = up if abs(power) < _EPSILON else np.expm1(power * up) / power
    below = -down if abs(power - 2) <= _EPSILON else -np.expm1((2 - power) * down) / (2 - power)
    return np.where(np.isnan(x), x, np.where(x >= 0, above, below))


def _yeo_johnson_graph(x: Var, power: Var) -> Var:
    zero = op.const(0.0)
    other = op.sub(op.const(2.0), power)
    up = _powered(log1p(op.max([x, zero])), power)
    down = op.neg(_powered(log1p(op.max([op.neg(x), zero])), other))
    return op.where(op.isnan(x), x, op.where(op.greater_or_equal(x, zero), up, down))


def _powered(logarithm: Var, power: Var) -> Var:
    """(exp(power · logarithm) − 1) / power, and its limit for a power of 0."""
    flat = op.less(op.abs(power), op.const(_EPSILON))
    safe = op.where(flat, op.const(1.0), power)
    return op.where(flat, logarithm, op.div(expm1(op.mul(safe, logarithm)), safe))


def _inverse_yeo_johnson(x: Any, power: float) -> Any:
    up, down = np.maximum(x, 0.0), np.minimum(x, 0.0)
    above = np.expm1(up) if abs(power) < _EPSILON else np.power(up * power + 1, 1 / power) - 1
    other = 2 - power
    below = -np.expm1(-down) if abs(other) <= _EPSILON else 1 - np.power(-other * down + 1, 1 / other)
    return np.where(np.isnan(x), x, np.where(x >= 0, above, below))


def _inverse_yeo_johnson_graph(x: Var, power: Var) -> Var:
    zero, one = op.const(0.0), op.const(1.0)
    other = op.sub(op.const(2.0), power)
    up = _unpowered(op.max([x, zero]), power)
    down = op.neg(_unpowered(op.neg(op.min([x, zero])), other))
    return op.where(op.isnan(x), x, op.where(op.greater_or_equal(x, zero), op.sub(up, one), op.add(down, one)))


def _unpowered(x: Var, power: Var) -> Var:
    """(power · x + 1) ^ (1 / power), and its limit for a power of 0."""
    one = op.const(1.0)
    flat = op.less(op.abs(power), op.const(_EPSILON))
    safe = op.where(flat, one, power)
    return op.where(flat, op.exp(x), op.pow(op.add(op.mul(x, safe), one), op.div(one, safe)))


def _inverse_box_cox_graph(x: Var, power: Var) -> Var:
    flat = op.equal(power, op.const(0.0))
    safe = op.where(flat, op.const(1.0), power)
    return op.where(flat, op.exp(x), op.exp(op.div(log1p(op.mul(safe, x)), safe)))


def _bin_graph(x: Var, *edges: Var) -> Var:
    found = op.cast(op.greater_or_equal(x, edges[0]), to=np.float64)
    for edge in edges[1:]:
        found = op.add(found, op.cast(op.greater_or_equal(x, edge), to=np.float64))
    return found


def _always(*_: float) -> bool:
    return True


def _never(*_: float) -> bool:
    return False


def _finite(by: float) -> bool:
    return bool(np.isfinite(by))


def _positive(by: float) -> bool:
    return 0 < by < np.inf


_EPSILON = float(np.finfo(np.float64).eps)

_OPERATIONS: dict[str, _Operation] = {
    "+": _Operation(np.add, op.add, _finite),
    "-": _Operation(np.subtract, op.sub, _finite),
    "*": _Operation(np.multiply, op.mul, _positive),
    "/": _Operation(np.divide, op.div, _positive),
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
    # LightGBM takes the smallest numbers for zero
    "flush": _Operation(
        lambda x, least: np.where(np.abs(x) <= least, 0.0, x),
        lambda x, least: op.where(op.less_or_equal(op.abs(x), least), op.const(0.0), x),
        _always,
    ),
    "float32": _Operation(_single, lambda x: op.cast(op.cast(x, to=np.float32), to=np.float64), _always),
    # a column of float32, which a number that it cannot hold makes one of float64
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
    # the cube root of GNU's C library, which NumPy takes where it has no own, falls by a last bit now and then
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
    "box-cox": _Operation(special.boxcox, lambda x, power: _powered(op.log(x), power), _never),
    "inverse box-cox": _Operation(special.inv_boxcox, _inverse_box_cox_graph, _never),
    "yeo-johnson": _Operation(_yeo_johnson, _yeo_johnson_graph, _always),
    "inverse yeo-johnson": _Operation(_inverse_yeo_johnson, _inverse_yeo_johnson_graph, _never),
    "tan": _Operation(np.tan, lambda x: op.div(op.sin(x), op.cos(x)), _never),
    "sin": _Operation(np.sin, op.sin, _never),
    "cos": _Operation(np.cos, op.cos, _never),
}
