"""FunctionTransformer of NumPy's and SciPy's elementwise functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special
from sklearn.preprocessing import FunctionTransformer

from fasttrack.compiler.checks import accepted
from fasttrack.compiler.columns import Number
from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.lower import register

if TYPE_CHECKING:
    from collections.abc import Callable

    from fasttrack.compiler.columns import Columns

__all__ = ["operation_of"]

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
_SAFE_DTYPES = {"float64"}
_INTEGER_DTYPES = {"int64", "int32", "uint64", "uint32"}
# on whole numbers these wrap around, or round to whole numbers
_FLOATS_ONLY = {"reciprocal", "square", "negative", "absolute"}


def operation_of(function: Callable[..., Any]) -> str:
    """The name of the elementwise step for `function`. Raises NotCompilable if there is none."""
    try:
        return _FUNCTIONS[function]
    except (KeyError, TypeError):
        name = getattr(function, "__qualname__", None) or getattr(function, "__name__", repr(function))
        raise NotCompilable(
            f"the function {name} has no lowering; use one of NumPy's, or make it a transformer with its own lowering"
        ) from None


@register(FunctionTransformer)
def _function(transformer: Any, x: Columns) -> Columns:
    if transformer.func is None:
        return accepted(transformer, x, missing=False) if transformer.validate else x
    if transformer.func is np.clip:
        return _clipped(transformer, x)
    operation = operation_of(transformer.func)
    if transformer.kw_args:
        raise NotCompilable("kw_args have no lowering; make it a transformer with its own lowering")
    if transformer.validate:
        x = accepted(transformer, x, missing=False)
    _check_dtypes(x, operation, _SAFE_DTYPES if operation in _FLOATS_ONLY else _SAFE_DTYPES | _INTEGER_DTYPES)
    return x.each(operation)


def _clipped(transformer: Any, x: Columns) -> Columns:
    bounds = dict(transformer.kw_args or {})
    low, high = (bounds.pop(f"a_{name}", bounds.pop(name, None)) for name in ("min", "max"))
    if bounds or not all(bound is None or isinstance(bound, (int, float)) for bound in (low, high)):
        raise NotCompilable("np.clip has a lowering with the numbers a_min and a_max alone")
    if transformer.validate:
        x = accepted(transformer, x, missing=False)
    _check_dtypes(x, "clip", _SAFE_DTYPES | _INTEGER_DTYPES)
    return x.each("clip", -np.inf if low is None else float(low), np.inf if high is None else float(high))


def _check_dtypes(x: Columns, operation: str, allowed: set[str]) -> None:
    for feature in x:
        if isinstance(feature, Number) and feature.dtype not in allowed:
            raise NotCompilable(
                f"np.{operation} of {feature.dtype} columns is not that of float64; convert them before fitting"
            )
