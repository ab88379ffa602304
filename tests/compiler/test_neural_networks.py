"""Multi-layer perceptrons: activations, layers and targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.compiler.cases import check_predictor, make_target, mixed_table, number_table

if TYPE_CHECKING:
    from fasttrack.contract import Task

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def with_scaler(model: Any) -> Any:
    return make_pipeline(StandardScaler(), model)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_activations(activation: str) -> None:
    X = number_table(100)
    options: dict[str, Any] = {"activation": activation, "max_iter": 20, "random_state": 0}
    check_predictor(with_scaler(MLPRegressor(hidden_layer_sizes=(7, 4), **options)), X, make_target(X, "regression"))
    check_predictor(with_scaler(MLPClassifier(hidden_layer_sizes=(5,), **options)), X, make_target(X, "binary"))
    check_predictor(with_scaler(MLPClassifier(hidden_layer_sizes=(6, 5), **options)), X, make_target(X, "multiclass"))


def test_no_hidden_layer_several_targets_and_counts() -> None:
    X = number_table(80)
    y = make_target(X, "regression")
    check_predictor(with_scaler(MLPRegressor(hidden_layer_sizes=(), max_iter=20, random_state=0)), X, y)
    check_predictor(
        with_scaler(MLPRegressor(hidden_layer_sizes=(4,), max_iter=20, random_state=0)), X, np.column_stack([y, -y])
    )
    check_predictor(
        with_scaler(MLPRegressor(hidden_layer_sizes=(4,), loss="poisson", max_iter=20, random_state=0)), X, np.abs(y)
    )


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_categories(task: Task) -> None:
    X = mixed_table(120)[["number", "text", "words"]]
    encoder = OneHotEncoder(handle_unknown="ignore", min_frequency=3)
    columns = make_column_transformer((encoder, ["text", "words"]), (StandardScaler(), ["number"]))
    model = (MLPRegressor if task == "regression" else MLPClassifier)(
        hidden_layer_sizes=(5,), max_iter=15, random_state=0
    )
    check_predictor(make_pipeline(columns, model), X, make_target(X, task))
