"""The registry of lowerings: a function for each estimator class that translates a fitted estimator to ONNX operators.

A lowering serves exactly the class it is registered for, not its subclasses, which may compute something else. To
compile a transformer of your own, register a function from the fitted estimator and its input columns to its output
columns:

    from fasttrack.compiler import Columns, register

    @register(Doubler)
    def _doubler(estimator: Doubler, x: Columns) -> Columns:
        return x.each("*", 2.0)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from fasttrack.compiler.columns import Columns
from fasttrack.compiler.not_compilable import NotCompilable, error_context

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray
    from spox import Var

__all__ = [
    "Classification",
    "Lowered",
    "Lowering",
    "Regression",
    "lower",
    "lower_classifier",
    "lower_predictor",
    "lower_regressor",
    "lower_transformer",
    "register",
    "registered_lowerings",
]


@dataclass(frozen=True)
class Regression:
    """What a regressor predicts: float64[n], or float64[n, k] for k targets."""

    values: Var


@dataclass(frozen=True)
class Classification:
    """What a classifier predicts.

    `label`: int64[n], an index into `classes`. `probabilities`: float64[n, c]. `decision`: the decision function,
    float64[n, c], or float64[n, 1] for two classes. Either is `None` if the classifier has no such method.
    """

    classes: NDArray[np.generic]
    label: Var
    probabilities: Var | None = None
    decision: Var | None = None


Lowered = Columns | Regression | Classification
Lowering = Callable[[Any, Columns], Lowered]
_Function = TypeVar("_Function", bound=Lowering)

_LOWERINGS: dict[str, Lowering] = {}
_TAKE_VECTORS: set[str] = set()


def register(*classes: type | str, takes_vector: bool = False) -> Callable[[_Function], _Function]:
    """Register the decorated function as the lowering of `classes`.

    A string, `module.Class`, names a class without importing it. `takes_vector`: it accepts a single column without a
    second dimension, as a vectorizer of text does.
    """

    def add(function: _Function) -> _Function:
        for cls in classes:
            name = cls if isinstance(cls, str) else _qualified_name(cls)
            _LOWERINGS[name] = function
            if takes_vector:
                _TAKE_VECTORS.add(name)
        return function

    return add


def registered_lowerings() -> Mapping[str, Lowering]:
    """All registered lowerings by the qualified name of their class."""
    return MappingProxyType(_LOWERINGS)


def lower(estimator: Any, x: Columns) -> Lowered:
    """Translate a fitted `estimator` whose input is `x`. Raises NotCompilable with the estimator's class."""
    name = _qualified_name(type(estimator))
    lowering = _LOWERINGS.get(name)
    with error_context(type(estimator).__name__):
        if lowering is None:
            raise NotCompilable("no lowering is registered for this class; see fasttrack.compiler.register")
        if x.vector and name not in _TAKE_VECTORS:
            raise NotCompilable("it receives a single column as a vector; put the column's name into a list")
        return lowering(estimator, x)


def lower_transformer(transformer: Any, x: Columns) -> Columns:
    """The output columns of a fitted transformer whose input is `x`."""
    lowered = lower(transformer, x)
    if not isinstance(lowered, Columns):
        raise NotCompilable(f"{type(transformer).__name__} is a predictor, where a transformer was expected")
    return lowered


def lower_predictor(estimator: Any, x: Columns) -> Regression | Classification:
    """What a fitted regressor or classifier predicts for `x`."""
    lowered = lower(estimator, x)
    if isinstance(lowered, Columns):
        raise NotCompilable(
            f"{type(estimator).__name__} is a transformer, where a regressor or classifier was expected"
        )
    return lowered


def lower_regressor(estimator: Any, x: Columns) -> Regression:
    """What a fitted regressor predicts for `x`."""
    lowered = lower_predictor(estimator, x)
    if not isinstance(lowered, Regression):
        raise NotCompilable(f"{type(estimator).__name__} is a classifier, where a regressor was expected")
    return lowered


def lower_classifier(estimator: Any, x: Columns) -> Classification:
    """What a fitted classifier predicts for `x`."""
    lowered = lower_predictor(estimator, x)
    if not isinstance(lowered, Classification):
        raise NotCompilable(f"{type(estimator).__name__} is a regressor, where a classifier was expected")
    return lowered


def _qualified_name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
