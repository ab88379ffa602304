"""A fit uses as many threads as its table and the processors justify, and no more anywhere in it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression
from threadpoolctl import threadpool_info

import fasttrack
from fasttrack.contract.learn import learn_columns
from fasttrack.serving.runtime import Runtime
from fasttrack.settings import Settings
from fasttrack.training import threads
from fasttrack.training.families import build
from fasttrack.training.threads import bounded_threads, fitting_threads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "available_processors", lambda: 8)


def pools() -> set[int]:
    """The threads of every pool of OpenMP and BLAS in this process."""
    return {pool["num_threads"] for pool in threadpool_info()}


@pytest.mark.usefixtures("eight")
@pytest.mark.parametrize(("cells", "expected"), [(0, 1), (199_999, 1), (200_000, 2), (500_000, 5), (10**9, 8)])
def test_threads_follow_the_size_up_to_the_processors(cells: int, expected: int) -> None:
    assert fitting_threads(cells) == expected


@pytest.mark.usefixtures("eight")
def test_every_pool_is_bounded_and_restored() -> None:
    before = pools()
    with bounded_threads(300_000) as number:
        assert number == 3
        assert pools() == {3}
        with bounded_threads(10):
            assert pools() == {1}
        assert pools() == {3}
    assert pools() == before


@pytest.mark.usefixtures("eight")
def test_one_processor_is_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "available_processors", lambda: 1)
    with bounded_threads(10**9):
        assert pools() == {1}


class Witness(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A linear regression that sees how many threads it is fitted and asked with."""

    seen: list[set[int]] = []  # noqa: RUF012  # clones share it

    def fit(self, X: Any, y: Any) -> Self:
        self.seen.append(pools())
        self.model_ = LinearRegression().fit(X, y)
        return self

    def predict(self, X: Any) -> Any:
        self.seen.append(pools())
        return self.model_.predict(X)


@pytest.fixture
def seen() -> Iterator[list[set[int]]]:
    Witness.seen.clear()
    yield Witness.seen
    Witness.seen.clear()


def table() -> pd.DataFrame:
    x = np.random.default_rng(0).normal(size=(60, 2))
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": x.sum(axis=1)})


@pytest.mark.usefixtures("eight")
def test_a_small_table_is_trained_on_one_thread_from_beginning_to_end(tmp_path: Path, seen: list[set[int]]) -> None:
    before = pools()
    fasttrack.train(table(), "y", estimator=Witness(), store=tmp_path)
    assert len(seen) > 3
    assert set().union(*seen) == {1}
    assert pools() == before


def test_a_forest_on_a_small_table_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = learn_columns(table()[["a", "b"]], {"a": "number", "b": "number"})
    forest = build("forest", columns, "regression", rows=60)
    large = build("forest", columns, "regression", rows=200_000)
    assert (forest.get_params()["model__n_jobs"], large.get_params()["model__n_jobs"]) == (1, -1)
    used: list[int] = []
    original = joblib.Parallel.__call__

    def counted(self: joblib.Parallel, tasks: Any) -> Any:
        used.append(joblib.effective_n_jobs(self.n_jobs))
        return original(self, tasks)

    monkeypatch.setattr(joblib.Parallel, "__call__", counted)
    forest.fit(table()[["a", "b"]], table()["y"])
    assert used
    assert set(used) == {1}


def test_a_server_has_a_thread_for_each_processor_that_it_may_use(tmp_path: Path) -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert Runtime(Settings(store=str(tmp_path))).predictor.threads == 1
    finally:
        os.sched_setaffinity(0, allowed)
