"""The figures are scikit-learn's, and the intervals cover."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from sklearn import metrics

from fasttrack.evaluation import Clusters, Evaluation, evaluate, primary_metric, trivial_predictions


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
    train = np.array([1.0, 2.0, 6.0])
    found = baseline("regression", train, np.array([3.0, 5.0]), None).metrics
    assert found["mae"].value == 1.0
    classes = baseline("binary", np.array([0, 0, 0, 1]), np.array([0, 1]), [0, 1]).metrics
    assert classes["accuracy"].value == 0.5
    assert classes["log_loss"].value == pytest.approx(-(np.log(0.75) + np.log(0.25)) / 2)


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
