"""Decision trees and extremely randomized trees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from tests.compiler.cases import check_predictor, make_target, number_table

if TYPE_CHECKING:
    from fasttrack.contract import Task


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeRegressor(),
        DecisionTreeRegressor(criterion="absolute_error", max_depth=4),
        DecisionTreeRegressor(criterion="poisson", ccp_alpha=0.01),
        ExtraTreeRegressor(random_state=0),
        ExtraTreesRegressor(7, random_state=0),
        ExtraTreesRegressor(7, bootstrap=True, max_leaf_nodes=9, random_state=0),
    ],
    ids=str,
)
def test_regressors(model: Any, missing: float) -> None:
    X = number_table(120, missing=missing)
    check_predictor(model, X, np.abs(make_target(X, "regression")))


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeClassifier(),
        DecisionTreeClassifier(class_weight="balanced", max_depth=3, criterion="entropy"),
        ExtraTreeClassifier(random_state=0),
        ExtraTreesClassifier(7, random_state=0, class_weight="balanced"),
    ],
    ids=str,
)
def test_classifiers(model: Any, task: Task, missing: float) -> None:
    X = number_table(120, missing=missing)
    check_predictor(model, X, make_target(X, task), fit={"sample_weight": np.linspace(0.1, 3, 120)})


def test_several_targets_and_a_single_leaf() -> None:
    X = number_table(80)
    y = make_target(X, "regression")
    check_predictor(DecisionTreeRegressor(max_depth=4), X, np.column_stack([y, y**2]))
    check_predictor(DecisionTreeRegressor(), X, np.ones(80))
