"""The hold-out: disjoint, whole, and fair to classes, groups and time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasttrack.errors import TrainingError
from fasttrack.training.split import split
from tests.budget import budget

PROVEN = settings(max_examples=budget(150), deadline=None, derandomize=True, database=None)
SHARES = st.floats(0.1, 0.6)
SEEDS = st.integers(0, 1000)


def holds(train: np.ndarray, test: np.ndarray, n: int) -> None:
    assert sorted([*train, *test]) == list(range(n))
    assert list(train) == sorted(train)
    assert list(test) == sorted(test)


@PROVEN
@given(n=st.integers(20, 500), share=SHARES, seed=SEEDS)
def test_a_random_split_has_its_share(n: int, share: float, seed: int) -> None:
    found = split(n, method="random", share=share, seed=seed)
    holds(found.train, found.test, n)
    assert len(found.test) == round(share * n)
    assert np.array_equal(found.test, split(n, method="random", share=share, seed=seed).test)


@PROVEN
@given(sizes=st.lists(st.integers(2, 60), min_size=2, max_size=6), share=SHARES, seed=SEEDS)
def test_every_class_is_on_both_sides_in_its_share(sizes: list[int], share: float, seed: int) -> None:
    y = np.repeat([f"class {k}" for k in range(len(sizes))], sizes)
    found = split(len(y), method="random", share=share, seed=seed, y=y)
    holds(found.train, found.test, len(y))
    for k, size in enumerate(sizes):
        held = int((y[found.test] == f"class {k}").sum())
        assert 1 <= held <= size - 1
        assert abs(held - share * size) <= 1


@PROVEN
@given(
    rows=st.lists(st.integers(0, 60), min_size=40, max_size=200), share=SHARES, seed=SEEDS, classes=st.integers(0, 3)
)
def test_identical_rows_of_a_random_split_are_on_one_side(
    rows: list[int], share: float, seed: int, classes: int
) -> None:
    identical = np.array([*rows, *range(61)])
    y = identical % classes if classes else None
    found = split(len(identical), method="random", share=share, seed=seed, y=y, by=identical)
    holds(found.train, found.test, len(identical))
    assert not set(identical[found.train]) & set(identical[found.test])
    assert found.note.endswith("; identical rows on one side")
    largest = np.bincount(identical).max()
    assert abs(len(found.test) - share * len(identical)) <= (largest + 1) * max(classes, 1)
    if y is not None:
        assert len(set(y[found.train])) == len(set(y[found.test])) == classes


def test_without_copies_the_numbers_of_rows_change_nothing() -> None:
    y = np.random.default_rng(0).integers(0, 3, 200)
    for classes in (None, y):
        plain = split(200, method="random", share=0.2, seed=4, y=classes)
        numbered = split(200, method="random", share=0.2, seed=4, y=classes, by=np.arange(200))
        assert np.array_equal(plain.test, numbered.test)
        assert plain.note + "; identical rows on one side" == numbered.note


def test_a_class_of_one_row_does_not_stop_the_split() -> None:
    y = np.array(["common"] * 50 + ["once"])
    found = split(51, method="random", share=0.2, seed=0, y=y)
    holds(found.train, found.test, 51)


@PROVEN
@given(groups=st.lists(st.integers(0, 12), min_size=40, max_size=200), seed=SEEDS)
def test_a_group_is_on_one_side(groups: list[int], seed: int) -> None:
    values = np.array([*groups, *range(13), *range(13)])
    found = split(len(values), method="group", share=0.3, seed=seed, by=values)
    holds(found.train, found.test, len(values))
    assert not set(values[found.train]) & set(values[found.test])
    assert "of 13 groups held out" in found.note


@PROVEN
@given(moments=st.lists(st.integers(0, 30), min_size=30, max_size=100), share=SHARES)
def test_the_hold_out_is_later_than_all_training_rows(moments: list[int], share: float) -> None:
    times = np.array([*moments, 0, 0, 30, 30]).astype("datetime64[D]")
    found = split(len(times), method="time", share=share, seed=0, by=times)
    holds(found.train, found.test, len(times))
    assert times[found.train].max() < times[found.test].min()


def test_what_cannot_be_split_is_told() -> None:
    with pytest.raises(TrainingError, match="5 rows split into 4 for training and 1 for the hold-out"):
        split(5, method="random", share=0.2, seed=0)
    with pytest.raises(TrainingError, match="2 rows have no group to split by"):
        split(4, method="group", share=0.5, seed=0, by=np.array(["a", None, "b", None], dtype=object))
    with pytest.raises(TrainingError, match="1 rows have no time"):
        split(3, method="time", share=0.5, seed=0, by=np.array(["2013-01-01", "NaT", "2013-01-02"], "datetime64[D]"))
    with pytest.raises(TrainingError, match="each needs at least 2"):
        split(9, method="time", share=0.3, seed=0, by=np.zeros(9).astype("datetime64[D]"))
    with pytest.raises(TrainingError, match="each needs at least 2"):
        split(9, method="group", share=0.3, seed=0, by=np.zeros(9))
