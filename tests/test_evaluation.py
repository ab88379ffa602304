"""The figures are scikit-learn's, and the intervals cover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from sklearn import metrics

from fasttrack.evaluation import (
    Clusters,
    Evaluation,
    compare,
    evaluate,
    metric_values,
    primary_metric,
    trivial_predictions,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Task


@pytest.mark.parametrize("seed", range(5))
def test_regression_figures_are_scikit_learn_s(seed: int) -> None:
    random = np.random.default_rng(seed)
    y = random.normal(1e4, 1, 300)
    guess = y + random.normal(size=300)
    found = evaluate("regression", y, guess).metrics
    assert list(found) == ["rmse", "mae", "r2"]
    assert found["rmse"].value == pytest.approx(metrics.root_mean_squared_error(y, guess), rel=1e-12)
    assert found["mae"].value == pytest.approx(metrics.mean_absolute_error(y, guess), rel=1e-12)
    assert found["r2"].value == pytest.approx(metrics.r2_score(y, guess), abs=1e-10)
    assert all(metric.low <= metric.value <= metric.high for metric in found.values())


@pytest.mark.parametrize("seed", range(5))
def test_binary_figures_are_scikit_learn_s(seed: int) -> None:
    random = np.random.default_rng(seed)
    y = random.random(300) < 0.3
    share = np.clip(0.4 * y + 0.6 * random.random(300), 0, 1).round(1)  # ties, zeros and ones
    guess = share > 0.5
    found = evaluate("binary", y, guess, np.column_stack([1 - share, share]), [False, True]).metrics
    assert list(found) == ["log_loss", "roc_auc", "brier", "accuracy", "f1"]
    assert found["log_loss"].value == pytest.approx(metrics.log_loss(y, share), rel=1e-12)
    assert found["roc_auc"].value == pytest.approx(metrics.roc_auc_score(y, share), rel=1e-12)
    assert found["brier"].value == pytest.approx(metrics.brier_score_loss(y, share), rel=1e-12)
    assert found["accuracy"].value == pytest.approx(metrics.accuracy_score(y, guess), rel=1e-12)
    assert found["f1"].value == pytest.approx(metrics.f1_score(y, guess), rel=1e-12)


def test_multiclass_figures_are_scikit_learn_s() -> None:
    random = np.random.default_rng(0)
    labels = ["a", "b", "c"]
    y = random.choice(labels, 400)
    shares = random.dirichlet([1, 1, 1], 400)
    guess = np.array(labels)[shares.argmax(axis=1)]
    found = evaluate("multiclass", y, guess, shares, labels).metrics
    assert found["log_loss"].value == pytest.approx(metrics.log_loss(y, shares), rel=1e-12)
    assert found["accuracy"].value == pytest.approx(metrics.accuracy_score(y, guess), rel=1e-12)
    assert found["f1_macro"].value == pytest.approx(metrics.f1_score(y, guess, average="macro"), rel=1e-12)
    assert found["roc_auc_ovr"].value == pytest.approx(metrics.roc_auc_score(y, shares, multi_class="ovr"), rel=1e-12)


def test_what_the_rows_leave_undefined_is_left_out() -> None:
    one_class = evaluate("binary", np.array([1, 1, 1]), np.array([1, 1, 0]), np.array([[0.2, 0.8]] * 3), [0, 1]).metrics
    assert "roc_auc" not in one_class
    assert one_class["accuracy"].value == pytest.approx(2 / 3)
    constant = evaluate("regression", np.ones(5), np.zeros(5)).metrics
    assert "r2" not in constant
    absent = evaluate(
        "multiclass", np.array(["a", "b"] * 5), np.array(["a"] * 10), np.full((10, 3), 1 / 3), list("abc")
    )
    assert "roc_auc_ovr" not in absent.metrics
    labels_only = evaluate("binary", np.array([0, 1, 1]), np.array([0, 1, 0]), None, [0, 1]).metrics
    assert list(labels_only) == ["accuracy", "f1"]


def test_a_label_that_the_model_does_not_know_is_wrong_and_no_error() -> None:
    found = evaluate(
        "multiclass", np.array(["a", "b", "new"]), np.array(["a", "b", "b"]), np.eye(3)[:, :2] + 0.1, ["a", "b"]
    )
    assert found.metrics["accuracy"].value == pytest.approx(2 / 3)
    assert np.isfinite(found.metrics["log_loss"].value)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    covered = 0
    for seed in range(200):
        error = random.normal(0, 2, 120)
        metric = evaluate("regression", error, np.zeros(120), seed=seed).metrics["rmse"]
        covered += metric.low <= 2.0 <= metric.high
    assert 176 <= covered <= 198  # 95 % of 200 is 190


def test_where_groups_hang_together_the_interval_is_theirs_and_covers_too() -> None:
    """40 groups that the model misses by a bias of their own: row by row the figure looks more certain than it is."""
    random = np.random.default_rng(1)
    groups = np.repeat(np.arange(40), 20)
    together = Clusters(groups, "groups")
    covered = {"groups": 0, "rows": 0}
    for seed in range(200):
        error = random.normal(0, 1, 40)[groups] + random.normal(0, 1, 800)
        for name, clusters in (("groups", together), ("rows", None)):
            metric = evaluate("regression", error, np.zeros(800), clusters=clusters, seed=seed).metrics["rmse"]
            covered[name] += metric.low <= 2**0.5 <= metric.high
    assert 172 <= covered["groups"] <= 198
    assert covered["rows"] < 140, "else this test could not tell"


def test_too_few_groups_are_taken_row_by_row() -> None:
    error = np.random.default_rng(2).normal(size=100)
    few = Clusters(np.repeat(np.arange(4), 25), "groups")
    assert evaluate("regression", error, np.zeros(100), clusters=few) == evaluate("regression", error, np.zeros(100))


def test_the_baseline_is_the_mean_or_the_shares() -> None:
    prediction, shares = trivial_predictions("regression", np.array([1.0, 2.0, 6.0]), 2, None)
    assert (prediction.tolist(), shares) == ([3.0, 3.0], None)
    weighted = trivial_predictions("regression", np.array([1.0, 2.0, 6.0]), 2, None, np.array([1.0, 3.0, 0.0]))
    assert weighted[0].tolist() == [1.75, 1.75]
    labels, shares = trivial_predictions("binary", np.array([0, 0, 0, 1]), 2, [0, 1])
    assert labels.tolist() == [0, 0]
    assert shares is not None
    assert shares.tolist() == [[0.75, 0.25]] * 2
    labels, shares = trivial_predictions("binary", np.array(["n", "y", "n"]), 1, ["n", "y"], np.array([1.0, 6.0, 1.0]))
    assert labels.tolist() == ["y"]
    assert shares is not None
    assert shares.tolist() == [[0.25, 0.75]]


def test_a_model_is_measured_beside_the_trivial_one_on_the_same_resamples() -> None:
    random = np.random.default_rng(0)
    y = random.random(300) < 0.3
    share = np.clip(0.3 + 0.05 * (y - 0.3) + random.normal(0, 0.05, 300), 0.01, 0.99)
    ours, trivial = np.column_stack([1 - share, share]), trivial_predictions("binary", y, 300, [False, True])
    found = evaluate("binary", y, share > 0.5, ours, [False, True], trivial=trivial)
    assert found.metrics == evaluate("binary", y, share > 0.5, ours, [False, True]).metrics
    assert found.baseline == evaluate("binary", y, *trivial, [False, True]).metrics
    assert list(found.gains) == ["log_loss", "roc_auc", "accuracy"]
    paired = compare("binary", y, (share > 0.5, ours), trivial, [False, True])
    gain = found.gains["log_loss"]
    assert [gain.value, gain.low, gain.high] == pytest.approx([paired.gain, paired.low, paired.high], rel=1e-12)
    # the intervals of the two figures overlap by far, the interval of their difference lies above zero
    assert found.metrics["log_loss"].high > found.baseline["log_loss"].low
    assert gain.low > 0


def test_too_few_groups_or_rows_of_a_class_show_no_gain() -> None:
    y = np.repeat([0, 1], [30, 4])
    shares = np.column_stack([1 - y, y]).astype(float)
    trivial = trivial_predictions("binary", y, 34, [0, 1])
    assert list(evaluate("binary", y, y, shares, [0, 1], trivial=trivial).gains) == ["log_loss", "accuracy"]
    few = Clusters(np.arange(34) % 4, "groups")
    assert evaluate("binary", y, y, shares, [0, 1], trivial=trivial, clusters=few).gains == {}


@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_weight_2_equals_a_row_that_is_there_twice(task: Task) -> None:
    random = np.random.default_rng(1)
    y: NDArray[Any] = (
        random.normal(3, 1, 200) if task == "regression" else random.integers(0, 2 + (task[0] == "m"), 200)
    )
    classes = None if task == "regression" else sorted(set(y.tolist()))
    guess = y + random.normal(size=200) if classes is None else random.permutation(y)
    shares = None if classes is None else random.dirichlet(np.ones(len(classes)), 200).round(2)  # with ties
    weights = random.integers(0, 4, 200)
    rows = np.repeat(np.arange(200), weights)
    positive = 1 if task == "binary" else None
    weighted = metric_values(task, y, guess, shares, classes, weights=weights.astype(float), positive=positive)
    repeated = metric_values(
        task, y[rows], guess[rows], None if shares is None else shares[rows], classes, positive=positive
    )
    assert list(weighted) == list(repeated)
    assert weighted == pytest.approx(repeated, rel=1e-12)
    assert weighted != pytest.approx(metric_values(task, y, guess, shares, classes, positive=positive), rel=1e-3)


@pytest.mark.parametrize("positive", [0, 1])
def test_average_precision_and_f1_are_about_the_positive_class(positive: int) -> None:
    random = np.random.default_rng(2)
    y = random.integers(0, 2, 300)
    share = np.clip(0.4 * y + 0.6 * random.random(300), 0, 1).round(1)  # ties
    guess, weights = (share > 0.6).astype(int), random.random(300)
    found = metric_values(
        "binary", y, guess, np.column_stack([1 - share, share]), [0, 1], weights=weights, positive=positive
    )
    score = share if positive else 1 - share
    expected = metrics.average_precision_score(y == positive, score.round(9), sample_weight=weights)
    assert found["average_precision"] == pytest.approx(expected, rel=1e-12)
    assert found["f1"] == pytest.approx(metrics.f1_score(y, guess, pos_label=positive, sample_weight=weights))
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(y, share, sample_weight=weights))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(y, share, sample_weight=weights))


def test_models_are_compared_by_one_figure() -> None:
    assert (primary_metric("regression", False).name, primary_metric("regression", False).greater_is_better) == (
        "rmse",
        False,
    )
    assert (primary_metric("binary", True).name, primary_metric("binary", True).greater_is_better) == (
        "log_loss",
        False,
    )
    assert (primary_metric("multiclass", False).name, primary_metric("multiclass", False).greater_is_better) == (
        "accuracy",
        True,
    )


def test_an_evaluation_goes_into_a_manifest_and_back() -> None:
    found = evaluate("regression", np.arange(9.0), np.zeros(9))
    assert msgspec.json.decode(msgspec.json.encode(found), type=Evaluation) == found


def test_a_rare_class_that_a_resample_lacks_does_not_draw_the_interval_down() -> None:
    truth = np.array(["a", "b"] * 100 + ["rare"])  # which a third of the resamples lack
    every = evaluate("multiclass", truth, truth, None, ["a", "b", "rare"]).metrics
    assert (every["f1_macro"].low, every["f1_macro"].value, every["f1_macro"].high) == (1, 1, 1)
    rare = truth == "rare"
    both = evaluate("binary", rare, rare, None, [False, True]).metrics
    assert (both["f1"].low, both["f1"].value, both["f1"].high) == (1, 1, 1)
    assert "f1" not in evaluate("binary", rare[:200], rare[:200], None, [False, True]).metrics


def test_a_figure_that_no_resample_defines_is_left_out() -> None:
    labels = [str(k) for k in range(40)]
    truth = np.array(labels)  # of each class one row: all of them are in a resample as good as never
    shares = np.eye(40) * 0.5 + 0.5 / 40
    assert "roc_auc_ovr" not in evaluate("multiclass", truth, truth, shares, labels).metrics
