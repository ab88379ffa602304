"""The registry of lowerings: one small function an estimator class, found by exactly that class.

A subclass is not lowered as its parent is: it may compute something else. To add a lowering for a transformer of your
own, register a function from the fitted estimator and its input columns to its output columns:

    from fasttrack.compiler import Columns, register

    @register(Doubler)
    def _doubler(estimator: Doubler, x: Columns) -> Columns:
        return x.each("*", 2.0)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from fasttrack.compiler.columns import Columns
from fasttrack.compiler.errors import NotCompilable, within

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from spox import Var

__all__ = ["Classification", "Regression", "lower", "predicted", "register", "transformed"]


@dataclass(frozen=True)
class Regression:
    """What a regressor predicts: float64[n], or float64[n, k] for k targets."""

    values: Var


@dataclass(frozen=True)
class Classification:
    """What a classifier predicts.

    `label`: int64[n], an index into `classes`. `probabilities`: float64[n, c]. `decision`: float64[n, c], for two
    classes float64[n, 1]; each `None` if the classifier has no such method.
    """

    classes: NDArray[np.generic]
    label: Var
    probabilities: Var | None = None
    decision: Var | None = None


Lowered = Columns | Regression | Classification
Lowering = Callable[[Any, Columns], Lowered]
_Function = TypeVar("_Function", bound=Lowering)

_LOWERINGS: dict[str, Lowering] = {}


def register(*classes: type | str) -> Callable[[_Function], _Function]:
    """Make the decorated function the lowering of `classes`; a string names a class as `module.Class`, not imported."""

    def add(function: _Function) -> _Function:
        for one in classes:
            _LOWERINGS[one if isinstance(one, str) else _name(one)] = function
        return function

    return add


def lower(estimator: Any, x: Columns) -> Lowered:
    """The graph of a fitted `estimator` behind the columns `x`. Raises NotCompilable, naming its class."""
    lowering = _LOWERINGS.get(_name(type(estimator)))
    with within(type(estimator).__name__):
        if lowering is None:
            raise NotCompilable("no lowering is registered for this class; see fasttrack.compiler.register")
        return lowering(estimator, x)


def transformed(transformer: Any, x: Columns) -> Columns:
    """The columns that a fitted transformer makes of `x`."""
    found = lower(transformer, x)
    if not isinstance(found, Columns):
        raise NotCompilable(f"{type(transformer).__name__} predicts, where a transformer was expected")
    return found


def predicted(estimator: Any, x: Columns) -> Regression | Classification:
    """What a fitted regressor or classifier predicts for `x`."""
    found = lower(estimator, x)
    if isinstance(found, Columns):
        raise NotCompilable(f"{type(estimator).__name__} transforms, where a regressor or classifier was expected")
    return found


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
