"""What a search measures on: disjoint from what it fits on, and split as the hold-out was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fasttrack.errors import TrainingError
from fasttrack.training.validation import Fold, plan_validation


def apart(fold: Fold, n: int) -> None:
    assert not set(fold.train) & set(fold.test)
    assert 0 <= min(*fold.train, *fold.test) <= max(*fold.train, *fold.test) < n


def test_a_small_table_is_cross_validated_each_row_once() -> None:
    classes = np.repeat(["a", "b"], [270, 30])
    found = plan_validation(300, method="random", seed=3, classes=classes)
    assert len(found.folds) == 3
    assert sorted(np.concatenate([fold.test for fold in found.folds])) == list(range(300))
    for fold in found.folds:
        apart(fold, 300)
        assert (classes[fold.test] == "b").sum() == 10
    again = plan_validation(300, method="random", seed=3, classes=classes)
    assert all(np.array_equal(one.test, other.test) for one, other in zip(found.folds, again.folds, strict=True))


@pytest.mark.parametrize("n", [300, 30_000])
def test_identical_rows_stay_in_one_fold(n: int) -> None:
    identical = np.random.default_rng(0).integers(0, n // 4, n)
    classes = np.where(identical % 5 == 0, "a", "b")
    found = plan_validation(n, method="random", seed=0, classes=classes, by=identical)
    assert len(found.folds) == (3 if n == 300 else 1)
    for fold in found.folds:
        apart(fold, n)
        assert not set(identical[fold.train]) & set(identical[fold.test])
        assert 0.1 < np.mean(classes[fold.test] == "a") < 0.3
    assert len(np.concatenate([fold.test for fold in found.folds])) == pytest.approx(n if n == 300 else n / 5, rel=0.02)


def test_groups_stay_whole() -> None:
    groups = np.array([f"shop {i}" for i in np.random.default_rng(0).integers(0, 12, 200)], dtype=object)
    found = plan_validation(200, method="group", seed=0, by=groups)
    assert len(found.folds) == 3
    for fold in found.folds:
        assert not set(groups[fold.train]) & set(groups[fold.test])


def test_what_is_measured_on_comes_after_what_is_fitted_on() -> None:
    times = np.random.default_rng(0).integers(0, 40, 300).astype("datetime64[D]")
    found = plan_validation(300, method="time", seed=0, by=times)
    assert len(found.folds) == 3
    for fold in found.folds:
        assert times[fold.train].max() < times[fold.test].min()
    assert [len(fold.train) for fold in found.folds] == sorted(len(fold.train) for fold in found.folds)


@pytest.mark.parametrize("method", ["random", "group", "time"])
def test_of_a_large_table_a_fixed_part_validates(method: Any) -> None:
    by = np.random.default_rng(1).integers(0, 500, 60_000)
    found = plan_validation(60_000, method=method, seed=0, by=None if method == "random" else by)
    (fold,) = found.folds
    apart(fold, 60_000)
    assert len(fold.train) + len(fold.test) == 60_000
    assert len(fold.test) == pytest.approx(12_000, rel=0.02)
    if method == "group":
        assert not set(by[fold.train]) & set(by[fold.test])
    if method == "time":
        assert by[fold.train].max() < by[fold.test].min()


def test_a_fold_of_one_label_to_fit_on_is_left_out() -> None:
    classes = np.array(["no"] * 100 + ["no", "yes"] * 100)
    found = plan_validation(300, method="time", seed=0, classes=classes, by=np.arange(300))
    assert [len(fold.train) for fold in found.folds] == [150, 225]
    assert found.note == "2 folds of 300 training rows, by time"
    late = np.array(["no"] * 299 + ["yes"])
    with pytest.raises(TrainingError, match=r"too few for a search \(split by time, with two labels in each part\)"):
        plan_validation(300, method="time", seed=0, classes=late, by=np.arange(300))
    many = np.array(["no"] * 59_999 + ["yes"])
    with pytest.raises(TrainingError, match=r"the 48,000 rows that a search would fit on \(split by time\) all have"):
        plan_validation(60_000, method="time", seed=0, classes=many, by=np.arange(60_000))


def test_rows_that_cannot_be_parted_are_told() -> None:
    with pytest.raises(TrainingError, match="the 3 training rows are too few for a search"):
        plan_validation(3, method="random", seed=0)
    with pytest.raises(TrainingError, match="the 50 training rows are too few for a search"):
        plan_validation(50, method="group", seed=0, by=np.zeros(50))
