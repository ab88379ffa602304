"""Nearest neighbours, which cannot be compiled: ties are broken by the order of scikit-learn's search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from fasttrack.compiler.lowering_registry import register
from fasttrack.compiler.not_compilable import NotCompilable

if TYPE_CHECKING:
    from fasttrack.compiler.columns import Columns
    from fasttrack.compiler.lowering_registry import Lowered

__all__: list[str] = []


@register(KNeighborsClassifier, KNeighborsRegressor)
def _neighbors(estimator: Any, x: Columns) -> Lowered:
    raise NotCompilable(
        "among equally distant neighbours, the order of scikit-learn's search decides which ones count; "
        "far from the training rows, all neighbours are equally distant in float64"
    )
