"""Multi-layer perceptrons: activations, layers, targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.compiler.cases import check, labels, mixed_table, numbers

if TYPE_CHECKING:
    from fasttrack.contract import Task

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def scaled(model: Any) -> Any:
    return make_pipeline(StandardScaler(), model)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_activations(activation: str) -> None:
    X = numbers(100)
    options: dict[str, Any] = {"activation": activation, "max_iter": 20, "random_state": 0}
    check(scaled(MLPRegressor(hidden_layer_sizes=(7, 4), **options)), X, labels(X, "regression"))
    check(scaled(MLPClassifier(hidden_layer_sizes=(5,), **options)), X, labels(X, "binary"))
    check(scaled(MLPClassifier(hidden_layer_sizes=(6, 5), **options)), X, labels(X, "multiclass"))


def test_no_hidden_layer_several_targets_and_counts() -> None:
    X = numbers(80)
    y = labels(X, "regression")
    check(scaled(MLPRegressor(hidden_layer_sizes=(), max_iter=20, random_state=0)), X, y)
    check(scaled(MLPRegressor(hidden_layer_sizes=(4,), max_iter=20, random_state=0)), X, np.column_stack([y, -y]))
    check(scaled(MLPRegressor(hidden_layer_sizes=(4,), loss="poisson", max_iter=20, random_state=0)), X, np.abs(y))


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_categories(task: Task) -> None:
    X = mixed_table(120)[["number", "text", "words"]]
    encoder = OneHotEncoder(handle_unknown="ignore", min_frequency=3)
    columns = make_column_transformer((encoder, ["text", "words"]), (StandardScaler(), ["number"]))
    model = (MLPRegressor if task == "regression" else MLPClassifier)(
        hidden_layer_sizes=(5,), max_iter=15, random_state=0
    )
    check(make_pipeline(columns, model), X, labels(X, task))
