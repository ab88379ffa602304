"""The threshold is the best one on rows that no model was fitted on, and rare classes are recognised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.svm import LinearSVC

from fasttrack.config import ModelConfig, TrainConfig
from fasttrack.errors import ConfigError, TrainingError
from fasttrack.training.imbalance import class_balance
from fasttrack.training.split import SplitTable
from fasttrack.training.threshold import Costs, choose_threshold, decide_threshold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.training.threshold import Threshold


def scores(seed: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    random = np.random.default_rng(seed)
    occurred = random.random(200) < 0.2
    return occurred, np.clip(0.2 + 0.2 * occurred + random.normal(0, 0.15, 200), 0, 1).round(2)  # with ties


@pytest.mark.parametrize("seed", range(5))
def test_no_other_threshold_has_a_better_f1(seed: int) -> None:
    occurred, score = scores(seed)
    best = max(f1_score(occurred, score >= value) for value in np.unique(score))
    assert f1_score(occurred, score >= choose_threshold(occurred, score)) == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize(("false_positive", "false_negative"), [(1, 20), (5, 1), (1, 1000), (1000, 1)])
def test_no_other_threshold_costs_less(false_positive: float, false_negative: float) -> None:
    occurred, score = scores(0)

    def cost(threshold: float) -> float:
        predicted = score >= threshold
        return false_positive * int((predicted & ~occurred).sum()) + false_negative * int((occurred & ~predicted).sum())

    chosen = choose_threshold(occurred, score, costs=Costs(false_positive, false_negative))
    assert cost(chosen) == min(cost(value) for value in [*np.unique(score), 1.01])


def test_weights_count_as_rows_that_are_there_several_times() -> None:
    occurred, score = scores(1)
    weights = np.random.default_rng(2).integers(0, 4, 200)
    rows = np.repeat(np.arange(200), weights)
    for costs in (None, Costs(1, 7)):
        weighted = choose_threshold(occurred, score, weights.astype(float), costs)
        assert weighted == choose_threshold(occurred[rows], score[rows], costs=costs)


def test_a_threshold_is_a_short_number_between_two_scores() -> None:
    occurred = np.array([False, False, True, True])
    assert choose_threshold(occurred, np.array([0.1, 0.123456, 0.123459, 0.9])) == 0.123457
    assert choose_threshold(occurred, np.array([0.1, 0.2, 0.6, 0.9])) == 0.4
    assert choose_threshold(occurred, np.full(4, 0.5)) == 0.2  # all rows, or none, have the same score


def table(target: NDArray[Any], X: NDArray[np.float64] | None = None) -> SplitTable:
    random = np.random.default_rng(0)
    X = random.normal(size=(len(target), 2)) if X is None else X
    frame, none = pd.DataFrame(X, columns=["a", "b"]), pd.DataFrame()
    return SplitTable(frame, pd.Series(target), none, pd.Series(), "", None, None)


def decide(rows: SplitTable, estimator: Any = None, *, built_in: bool = True, **options: Any) -> Threshold | None:
    config = TrainConfig.of("t.csv", target="y", **options)
    balance = class_balance(rows.y_train, "binary", config.model)
    return decide_threshold(config, balance, estimator or LogisticRegression(), rows, built_in=built_in)


def rare_rows(n: int = 300) -> SplitTable:
    X = np.random.default_rng(1).normal(size=(n, 2))
    noise = np.random.default_rng(2).normal(size=n)
    return table((X[:, 0] + 0.5 * noise > 1.8).astype(int), X)


def test_a_built_in_estimator_of_a_rare_class_gets_the_threshold_with_the_best_f1() -> None:
    rows = rare_rows()
    threshold = decide(rows)
    assert threshold is not None
    assert (threshold.rule, threshold.positive) == ("f1", 1)
    assert threshold.value < 0.5
    assert threshold.measured == "300 training rows, predicted by models not fitted on them"
    assert threshold == decide(rows, threshold="f1")
    assert decide(rows, threshold="none") is None
    assert decide(rows, built_in=False) is None  # the user's own estimator predicts as it is, unless told
    assert decide(rows, built_in=False, threshold="f1") == threshold
    balanced = table(np.arange(300) % 2)
    assert decide(balanced) is None
    costly = decide(rows, threshold="cost", cost_false_positive=1, cost_false_negative=50)
    assert costly == decide(rows, cost_false_positive=1, cost_false_negative=50)
    assert costly is not None
    assert costly.value < threshold.value
    configured = decide(balanced, threshold=0.7)
    assert configured is not None
    assert (configured.rule, configured.value, configured.positive) == ("configured", 0.7, 1)


def test_what_gives_no_probabilities_has_no_threshold() -> None:
    with pytest.raises(TrainingError, match=r"model\.threshold needs probabilities, which LinearSVC does not give"):
        decide(rare_rows(), LinearSVC(), threshold="f1")
    few = table(np.array([0, 0, 1]))
    with pytest.raises(
        TrainingError, match=r"are too few to choose a threshold on .*; give a number: --threshold 0\.3"
    ):
        decide(few, threshold="f1")


def test_a_class_with_less_than_a_fifth_of_an_equal_share_is_rare() -> None:
    model = ModelConfig()
    assert class_balance(pd.Series([0] * 181 + [1] * 19), "binary", model).rare == {1: 19}
    assert class_balance(pd.Series([0] * 180 + [1] * 20), "binary", model).rare == {}
    three = class_balance(pd.Series(["a"] * 150 + ["b"] * 144 + ["c"] * 6), "multiclass", model)
    assert (three.rare, three.positive, three.imbalanced) == ({"c": 6}, None, False)


def test_the_rare_class_is_the_positive_one_unless_another_is_named() -> None:
    y = pd.Series(["fraud"] * 5 + ["ok"] * 95)
    found = class_balance(y, "binary", ModelConfig())
    assert (found.positive, found.imbalanced) == ("fraud", True)
    named = class_balance(y, "binary", ModelConfig(positive="ok"))
    assert (named.positive, named.imbalanced) == ("ok", False)
    assert class_balance(pd.Series([0, 1] * 50), "binary", ModelConfig()).positive is None
    assert class_balance(pd.Series([0, 1] * 50), "binary", ModelConfig(threshold="f1")).positive == 1
    assert class_balance(pd.Series([True, False] * 50), "binary", ModelConfig(positive="false")).positive is False
    with pytest.raises(TrainingError, match=r"model\.positive = 'x' is not a class; the classes are 'fraud' and 'ok'"):
        class_balance(y, "binary", ModelConfig(positive="x"))


@pytest.mark.parametrize("option", [{"threshold": "f1"}, {"class_weight": "balanced"}, {"positive": "a"}])
def test_options_for_classes_are_refused_for_a_regression(option: dict[str, Any]) -> None:
    with pytest.raises(TrainingError, match=f"model.{next(iter(option))} is for classes, but the task is regression"):
        class_balance(pd.Series([1.5, 2.5]), "regression", ModelConfig(**option))


def test_a_threshold_is_for_two_classes() -> None:
    with pytest.raises(TrainingError, match=r"model\.threshold is for two classes, but the target has 3; leave it out"):
        class_balance(pd.Series([1, 2, 3]), "multiclass", ModelConfig(threshold=0.5))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": "f2"}, "--threshold f2: expected auto, none, f1, cost, or a number between 0 and 1"),
        ({"threshold": 1.5}, "--threshold 1.5: expected auto, none, f1, cost, or a number between 0 and 1"),
        ({"threshold": "cost"}, "t.csv: model.cost_false_positive is missing: a threshold by cost needs the costs"),
        ({"cost_false_negative": 2}, "t.csv: model.cost_false_positive is missing: a threshold by cost"),
        (
            {"cost_false_negative": 2, "threshold": "f1"},
            't.csv: model.cost_false_negative is used with model.threshold = "cost" or "auto" only',
        ),
        ({"class_weight": "equal"}, '--class-weight: expected one of none, balanced, got "equal"'),
        ({"weight": "y"}, "t.csv: data.weight names the column 'y', which is also the target; keep one"),
    ],
)
def test_a_configuration_that_cannot_be_meant_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TrainConfig.of("t.csv", target="y", **options)
    assert str(caught.value).startswith(message)
