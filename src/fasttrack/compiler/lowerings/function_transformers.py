"""FunctionTransformer with an elementwise function of NumPy or SciPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special
from sklearn.preprocessing import FunctionTransformer

from fasttrack.compiler.columns import NumberColumn
from fasttrack.compiler.input_validation import validate_input
from fasttrack.compiler.lowering_registry import register
from fasttrack.compiler.not_compilable import NotCompilable

if TYPE_CHECKING:
    from collections.abc import Callable

    from fasttrack.compiler.columns import Columns

__all__ = ["elementwise_operation"]

_FUNCTIONS: dict[Any, str] = {
    np.abs: "absolute",
    np.arcsinh: "arcsinh",
    np.cbrt: "cbrt",
    np.ceil: "ceil",
    np.cos: "cos",
    np.exp: "exp",
    np.exp2: "exp2",
    np.expm1: "expm1",
    np.fabs: "absolute",
    np.floor: "floor",
    np.log: "log",
    np.log10: "log10",
    np.log1p: "log1p",
    np.log2: "log2",
    np.negative: "negative",
    np.reciprocal: "reciprocal",
    np.rint: "rint",
    np.round: "rint",
    np.sign: "sign",
    np.sin: "sin",
    np.sqrt: "sqrt",
    np.square: "square",
    np.tan: "tan",
    np.tanh: "tanh",
    special.expit: "expit",
}
_FLOAT_DTYPES = {"float64"}
_INTEGER_DTYPES = {"int64", "int32", "uint64", "uint32"}
_FLOAT_OPERATIONS = {"reciprocal", "square", "negative", "absolute"}
"""On integers, NumPy's result of these overflows or is rounded to an integer."""


def elementwise_operation(function: Callable[..., Any]) -> str:
    """The name of the elementwise operation for `function`. Raises NotCompilable if there is none."""
    try:
        return _FUNCTIONS[function]
    except (KeyError, TypeError):
        name = getattr(function, "__qualname__", None) or getattr(function, "__name__", repr(function))
        raise NotCompilable(
            f"the function {name} has no lowering; use a function of NumPy, or write a transformer with a lowering"
        ) from None


@register(FunctionTransformer)
def _function(transformer: Any, x: Columns) -> Columns:
    if transformer.func is None:
        return validate_input(transformer, x, allow_missing=False) if transformer.validate else x
    if transformer.func is np.clip:
        return _clip(transformer, x)
    operation = elementwise_operation(transformer.func)
    if transformer.kw_args:
        raise NotCompilable("kw_args have no lowering; write a transformer with a lowering")
    if transformer.validate:
        x = validate_input(transformer, x, allow_missing=False)
    _check_dtypes(x, operation, _FLOAT_DTYPES if operation in _FLOAT_OPERATIONS else _FLOAT_DTYPES | _INTEGER_DTYPES)
    return x.each(operation)


def _clip(transformer: Any, x: Columns) -> Columns:
    bounds = dict(transformer.kw_args or {})
    low, high = (bounds.pop(f"a_{name}", bounds.pop(name, None)) for name in ("min", "max"))
    if bounds or not all(bound is None or isinstance(bound, (int, float)) for bound in (low, high)):
        raise NotCompilable("np.clip has a lowering only with the numbers a_min and a_max")
    if transformer.validate:
        x = validate_input(transformer, x, allow_missing=False)
    _check_dtypes(x, "clip", _FLOAT_DTYPES | _INTEGER_DTYPES)
    return x.each("clip", -np.inf if low is None else float(low), np.inf if high is None else float(high))


def _check_dtypes(x: Columns, operation: str, allowed: set[str]) -> None:
    for feature in x:
        if isinstance(feature, NumberColumn) and feature.dtype not in allowed:
            raise NotCompilable(
                f"np.{operation} of {feature.dtype} columns differs from that of float64; convert them before fitting"
            )
