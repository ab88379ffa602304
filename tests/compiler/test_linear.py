"""Linear models: every class, intercepts, link functions, classifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn import linear_model as linear
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC, LinearSVR

from tests.compiler.cases import check_predictor, compile_error, make_target, mixed_table, number_table

if TYPE_CHECKING:
    from fasttrack.contract import Task

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::scipy.linalg.LinAlgWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
X = number_table(100)[["a", "b", "d"]]


def with_scaler(model: Any) -> Any:
    return make_pipeline(StandardScaler(), model)


@pytest.mark.parametrize(
    "model",
    [
        linear.ARDRegression(),
        linear.BayesianRidge(),
        linear.ElasticNet(0.01),
        linear.ElasticNetCV(cv=3),
        linear.HuberRegressor(),
        linear.Lars(),
        linear.LarsCV(cv=3),
        linear.Lasso(0.01, positive=True),
        linear.LassoCV(cv=3),
        linear.LassoLars(0.01),
        linear.LassoLarsCV(cv=3),
        linear.LassoLarsIC(),
        linear.LinearRegression(),
        linear.LinearRegression(fit_intercept=False),
        linear.LinearRegression(positive=True),
        linear.OrthogonalMatchingPursuit(n_nonzero_coefs=2),
        linear.OrthogonalMatchingPursuitCV(cv=3),
        linear.QuantileRegressor(quantile=0.3, alpha=0.01),
        linear.RANSACRegressor(random_state=0),
        linear.Ridge(),
        linear.Ridge(fit_intercept=False, solver="lsqr"),
        linear.RidgeCV(),
        linear.SGDRegressor(max_iter=50),
        linear.SGDRegressor(loss="huber", penalty="elasticnet", average=True, max_iter=50),
        linear.TheilSenRegressor(max_subpopulation=50, random_state=0),
        LinearSVR(),
        LinearSVR(fit_intercept=False, loss="squared_epsilon_insensitive"),
    ],
    ids=str,
)
def test_regressors(model: Any) -> None:
    check_predictor(with_scaler(model), X, make_target(X, "regression"))


def test_several_targets() -> None:
    y = make_target(X, "regression")
    both = np.column_stack([y, -2 * y + 1])
    for model in (
        linear.LinearRegression(),
        linear.Ridge(),
        linear.MultiTaskLasso(0.01),
        linear.MultiTaskElasticNet(0.01),
    ):
        check_predictor(with_scaler(model), X, both)


@pytest.mark.parametrize(
    "model",
    [
        linear.PoissonRegressor(),
        linear.GammaRegressor(fit_intercept=False),
        linear.TweedieRegressor(power=0),
        linear.TweedieRegressor(power=1.5, link="log"),
        linear.TweedieRegressor(power=0, link="log"),
        linear.TweedieRegressor(power=3),
    ],
    ids=str,
)
def test_generalized_models(model: Any) -> None:
    check_predictor(with_scaler(model), X, np.abs(make_target(X, "regression")) + 0.5)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize(
    "model",
    [
        linear.LogisticRegression(),
        linear.LogisticRegression(fit_intercept=False, C=1e3),
        linear.LogisticRegression(class_weight="balanced", solver="newton-cg"),
        linear.LogisticRegressionCV(Cs=3, cv=3),
        linear.Perceptron(),
        linear.RidgeClassifier(),
        linear.RidgeClassifierCV(),
        linear.SGDClassifier(),
        linear.SGDClassifier(loss="log_loss", random_state=1),
        linear.SGDClassifier(loss="modified_huber", random_state=1),
        LinearSVC(),
        LinearSVC(fit_intercept=False, multi_class="crammer_singer"),
    ],
    ids=str,
)
def test_classifiers(model: Any, task: Task) -> None:
    check_predictor(with_scaler(model), X, make_target(X, task))


@pytest.mark.parametrize("types", [("no", "yes"), (False, True), (7, 3)])
def test_labels_of_every_type(types: tuple[Any, Any]) -> None:
    y = np.array(types)[make_target(X, "binary")]
    check_predictor(with_scaler(linear.LogisticRegression()), X, y)


@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_one_hot_categories_are_looked_up_not_multiplied(task: Task) -> None:
    frame = mixed_table(150)
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", drop="if_binary"), ["text", "words", "text missing"]),
        (StandardScaler(), ["number", "whole"]),
    )
    model = linear.Ridge() if task == "regression" else linear.LogisticRegression()
    case = check_predictor(make_pipeline(columns, model), frame, make_target(frame[["number", "whole"]], task))
    assert case.operators.count("MatMul") == 1


def test_few_rows_one_column_and_constant_columns() -> None:
    check_predictor(linear.LinearRegression(), X[["a"]][:5], np.arange(5.0))
    check_predictor(linear.Ridge(), X.assign(b=2.0, d=2.0), make_target(X, "regression"))


def test_float32_does_not_compile() -> None:
    assert "float32" in compile_error(linear.Ridge(), X.astype(np.float32), make_target(X, "regression"))
