"""Nearest neighbours, whose answers among equals hang on the order in which scikit-learn's search meets them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.lower import register

if TYPE_CHECKING:
    from fasttrack.compiler.columns import Columns
    from fasttrack.compiler.lower import Lowered

__all__: list[str] = []


@register(KNeighborsClassifier, KNeighborsRegressor)
def _neighbours(estimator: Any, x: Columns) -> Lowered:
    raise NotCompilable(
        "which of equally distant neighbours count depends on the order of scikit-learn's search; "
        "far from the training rows all are equally distant in float64"
    )
