"""A row with the weight 2 counts as two rows, and weights that mean nothing are refused in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import StackingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from fasttrack.config import ModelConfig, SplitConfig
from fasttrack.contract.learn import learn_columns
from fasttrack.errors import DataError, TrainingError
from fasttrack.training.choose import choose
from fasttrack.training.ensemble import mix
from fasttrack.training.families import FAMILIES, build
from fasttrack.training.imbalance import class_balance
from fasttrack.training.recipes import Recipe
from fasttrack.training.split import split_table
from fasttrack.training.table import prepare
from fasttrack.training.validation import Fold, measure
from fasttrack.training.weights import check_takes_weights, fit_with_weights, request_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Task

X = np.random.default_rng(0).normal(size=(120, 3))
Y = X @ [1.0, -2.0, 0.5] + np.random.default_rng(1).normal(size=120)
WEIGHTS = np.random.default_rng(2).integers(0, 4, 120)
REPEATED = np.repeat(np.arange(120), WEIGHTS)
ESTIMATORS = {
    "plain": LinearRegression(),
    "pipeline": make_pipeline(FunctionTransformer(np.tanh), Ridge()),
    "nested": make_pipeline(FunctionTransformer(), make_pipeline(FunctionTransformer(np.tanh), Ridge())),
    "search": GridSearchCV(make_pipeline(FunctionTransformer(), Ridge()), {"ridge__alpha": [1.0]}, cv=2),
    "transformed": TransformedTargetRegressor(
        make_pipeline(FunctionTransformer(), Ridge()), func=np.arcsinh, inverse_func=np.sinh
    ),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_weight_2_is_fitted_as_a_row_that_is_there_twice(name: str) -> None:
    estimator = ESTIMATORS[name]
    check_takes_weights(estimator, name)
    weighted = fit_with_weights(estimator, X, Y, WEIGHTS.astype(float)).predict(X)
    repeated = fit_with_weights(estimator, X[REPEATED], Y[REPEATED], None).predict(X)
    assert weighted == pytest.approx(repeated, abs=1e-10)
    assert weighted != pytest.approx(fit_with_weights(estimator, X, Y, None).predict(X), abs=1e-3)


@pytest.mark.parametrize(
    ("estimator", "last"),
    [
        (KNeighborsRegressor(), "KNeighborsRegressor"),
        (make_pipeline(StandardScaler(), KNeighborsRegressor()), "KNeighborsRegressor"),
        (GridSearchCV(KNeighborsRegressor(), {}), "KNeighborsRegressor"),
        (FixedThresholdClassifier(LogisticRegression()), "FixedThresholdClassifier"),
    ],
)
def test_an_estimator_that_takes_no_weights_is_named(estimator: Any, last: str) -> None:
    with pytest.raises(TrainingError, match=f"own: {last} takes no sample_weight, so weights cannot be used"):
        check_takes_weights(estimator, "own")


def test_an_estimator_that_passes_weights_on_is_given_them() -> None:
    stack = StackingRegressor([("ridge", Ridge())], LinearRegression(), cv=2)
    check_takes_weights(stack, "own")
    weighted = fit_with_weights(stack, X, Y, WEIGHTS.astype(float)).predict(X)
    assert weighted != pytest.approx(stack.fit(X, Y).predict(X), abs=1e-3)


def test_cross_validation_measures_with_the_weights() -> None:
    frame = pd.DataFrame(X)
    fold = Fold(np.arange(0, 120, 2), np.arange(1, 120, 2))
    heavy = np.where(np.arange(120) % 4 == 1, 1.0, 0.0) + np.where(np.arange(120) % 2 == 0, 1.0, 0.0)
    value = measure(LinearRegression(), frame, Y, fold, "regression", "rmse", weights=heavy)
    tested = np.arange(1, 120, 4)
    errors = LinearRegression().fit(X[::2], Y[::2]).predict(X[tested]) - Y[tested]
    assert value == pytest.approx(np.sqrt(np.mean(errors**2)), rel=1e-12)


def test_auto_chooses_by_the_rows_that_count() -> None:
    random = np.random.default_rng(3)
    frame = pd.DataFrame({"x": random.uniform(-2, 2, 240)})
    straight = np.arange(240) % 2 == 0
    y = np.where(straight, frame["x"], np.sign(np.sin(4 * frame["x"]))) + random.normal(0, 0.05, 240)
    columns = learn_columns(frame)
    smooth, trees = {"linear", "polynomial"}, {"forest", "boosting"}
    assert choose(columns, "regression", frame, y, weights=np.where(straight, 1.0, 1e-9)).name in smooth
    assert choose(columns, "regression", frame, y, weights=np.where(straight, 1e-9, 1.0)).name in trees


def arrow(weights: Any) -> pa.Table:
    return pa.table({"x": [1.5, 2.5, 3.5, 4.5], "w": weights, "y": [1.0, 2.0, None, 4.0]})


def test_the_column_is_no_feature_and_only_rows_with_a_target_need_a_weight() -> None:
    ready = prepare(arrow([1, 0, None, 3]), "y", weight="w")
    assert list(ready.X.columns) == ["x"]
    assert ready.left_out == {"w": "the weight of the rows"}
    assert ready.weight is not None
    assert ready.weight.tolist() == [1.0, 0.0, 3.0]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, None, 1.0, 1.0], "t.csv row 2: the weight in 'w' is missing, as in 1 rows in all; correct the weights"),
        ([1.0, 1.0, 1.0, np.inf], "t.csv row 4: the weight in 'w' is infinite"),
        ([1.0, np.nan, 1.0, 1.0], "t.csv row 2: the weight in 'w' is missing"),
        ([-1, -2, 1, 1], "t.csv row 1: the weight in 'w' is negative, as in 2 rows"),
        ([0, 0, 5, 0], "t.csv: all weights in 'w' are zero, so no row would count; correct the column"),
        (["a", "b", "c", "d"], "t.csv: the weights in 'w' are of type string, but must be numbers"),
    ],
)
def test_weights_that_mean_nothing_are_refused(weights: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        prepare(arrow(weights), "y", weight="w", name="t.csv")
    assert str(caught.value).startswith(message)


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match=r"t\.csv has no column 'ww'"):
        prepare(arrow([1, 1, 1, 1]), "y", weight="ww", name="t.csv")


def test_both_sides_of_the_split_need_weight() -> None:
    table = pa.table({"x": np.arange(10.0), "w": [1] * 8 + [0] * 2, "t": np.arange(10), "y": np.arange(10.0)})
    ready = prepare(table, "y", weight="w")
    with pytest.raises(TrainingError, match="all hold-out rows have the weight 0, so none of them would count"):
        split_table(ready, table, "regression", SplitConfig(method="time", column="t"), "t.csv")
    random = split_table(ready, table, "regression", SplitConfig(), "t.csv")
    assert random.w_train is not None
    assert random.w_test is not None
    expected: NDArray[np.float64] = np.where(random.X_test["x"] < 8, 1.0, 0.0)
    assert random.w_test.tolist() == expected.tolist()


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_the_built_in_linear_pipeline_takes_weight_2_as_two_rows(task: Task) -> None:
    frame = pd.DataFrame(X, columns=list("abc")).assign(d=pd.Series(np.array(list("xyz"))[WEIGHTS % 3], dtype="str"))
    frame["a"] = np.exp(frame["a"])  # the mean by which it is scaled depends on the weights
    y: NDArray[Any] = Y if task == "regression" else Y > 0
    pipeline = request_weights(build("linear", learn_columns(frame), task, rows=120))
    method = "predict" if task == "regression" else "predict_proba"
    twice: NDArray[np.float64] = (WEIGHTS + 1).astype(np.float64)
    weighted = getattr(fit_with_weights(clone(pipeline), frame, y, twice), method)(frame)
    rows = np.repeat(np.arange(120), WEIGHTS + 1)
    repeated = getattr(fit_with_weights(clone(pipeline), frame.iloc[rows], y[rows], None), method)(frame)
    assert weighted == pytest.approx(repeated, abs=1e-10 if task == "regression" else 1e-6)  # by iteration
    assert weighted != pytest.approx(getattr(pipeline.fit(frame, y), method)(frame), abs=1e-3)


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_a_mixture_of_pipelines_is_fitted_as_by_itself_but_with_weights(task: Task) -> None:
    frame = pd.DataFrame(X, columns=list("abc"))
    frame["many"] = pd.Series([f"c{i % 50}" for i in range(120)], dtype="str")  # encoded by target means
    y: NDArray[Any] = Y if task == "regression" else np.where(Y > 0, "up", "down")
    members = [(Recipe("linear"), 1), (Recipe("boosting"), 2)]
    mixture = request_weights(mix(members, learn_columns(frame), task, 120, 0))
    check_takes_weights(mixture, "ensemble of 2")
    method = "predict" if task == "regression" else "predict_proba"
    itself, even = clone(mixture).fit(frame, y), fit_with_weights(clone(mixture), frame, y, np.ones(120))
    assert vars(even).keys() == vars(itself).keys()
    assert getattr(even, method)(frame) == pytest.approx(getattr(itself, method)(frame), rel=1e-9)
    if task == "binary":
        assert even.predict(frame).tolist() == itself.predict(frame).tolist()
    uneven = fit_with_weights(clone(mixture), frame, y, np.where(X[:, 0] > 0, 1.0, 0.01))
    assert getattr(uneven, method)(frame) != pytest.approx(getattr(itself, method)(frame), abs=1e-3)


def test_classes_are_weighed_as_scikit_learn_balances_them() -> None:
    y = pd.Series(["a"] * 90 + ["b"] * 30)
    balance = class_balance(y, "binary", ModelConfig(class_weight="balanced"))
    weights = balance.fit_weights(y, (WEIGHTS + 1).astype(np.float64))
    assert weights is not None
    assert weights[:90].sum() == pytest.approx(weights[90:].sum())
    assert weights.sum() == pytest.approx((WEIGHTS + 1).sum())
    even = balance.fit_weights(y, None)
    assert even == pytest.approx(compute_sample_weight("balanced", y))
    assert class_balance(y, "binary", ModelConfig()).fit_weights(y, None) is None


def test_every_built_in_family_takes_weights() -> None:
    frame = pd.DataFrame(X, columns=list("abc"))
    for family in FAMILIES:
        pipeline = build(family, learn_columns(frame), "regression", rows=120)
        check_takes_weights(request_weights(pipeline), family)
        weighted = fit_with_weights(pipeline, frame, Y, np.where(X[:, 0] > 0, 1.0, 0.0)).predict(frame)
        assert weighted != pytest.approx(pipeline.fit(frame, Y).predict(frame), abs=1e-3)
