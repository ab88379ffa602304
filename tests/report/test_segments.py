"""The worst segments: one that was planted is reported, and one is seldom reported where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact

from fasttrack.contract.frame import matrix_from_frame
from fasttrack.contract.learn import learn_columns
from fasttrack.contract.schema import Contract, Target
from fasttrack.metrics.reference import learn_reference
from fasttrack.report.labelled_predictions import LabelledPredictions
from fasttrack.report.segments import Segments, fisher_tail, wilson_interval, worst_segments

if TYPE_CHECKING:
    from collections.abc import Callable


def table(rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "number": random.normal(size=rows),
            "few": random.integers(0, 5, rows),
            "word": random.choice(list("abcdefgh"), rows),
            "day": pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(random.integers(0, 90, rows), unit="D"),
        }
    )


def searcher(X: pd.DataFrame) -> Callable[[LabelledPredictions], tuple[Contract, Segments]]:
    """Finds the segments of some predictions for these rows."""
    kinds: Any = {"number": "number", "few": "integer", "word": "category", "day": "datetime"}
    contract = Contract(columns=learn_columns(X, kinds), target=Target(name="y", task="regression"))
    matrix = matrix_from_frame(contract, X)
    reference = learn_reference(contract, matrix, np.zeros(1))
    return lambda predictions: (contract, worst_segments(contract, reference, matrix, predictions))


def segments_of(X: pd.DataFrame, predictions: LabelledPredictions) -> tuple[Contract, Segments]:
    return searcher(X)(predictions)


def numbers(error: np.ndarray[Any, Any]) -> LabelledPredictions:
    return LabelledPredictions(np.zeros(len(error)), error, None, None)


def labels(wrong: np.ndarray[Any, Any]) -> LabelledPredictions:
    return LabelledPredictions(np.zeros(len(wrong), dtype=np.int64), wrong.astype(np.int64), None, ["u", "v"])


def test_a_planted_segment_comes_first() -> None:
    X = table(3000, 0)
    random = np.random.default_rng(1)
    bad = (X["word"] == "c").to_numpy()
    contract, segments = segments_of(X, numbers(random.normal(0, np.where(bad, 3.0, 1.0))))
    first = segments.worst[0]
    assert (contract.columns[first.column].name, first.label) == ("word", "= c")
    assert first.rows == bad.sum()
    assert first.low < first.error < first.high
    assert first.low > segments.overall > first.others
    late = (X["day"] >= X["day"].quantile(0.9)).to_numpy()
    contract, segments = segments_of(X, labels(random.random(3000) < np.where(late, 0.4, 0.1)))
    first = segments.worst[0]
    assert contract.columns[first.column].name == "day"
    assert first.label.startswith("over 2024-03-")
    assert first.error == pytest.approx(0.4, abs=0.1)


def test_a_missing_value_and_a_tenth_of_a_number_are_segments() -> None:
    X = table(3000, 2)
    X.loc[X.index[:300], "number"] = np.nan
    error = np.random.default_rng(3).exponential(1, 3000)
    error[:300] *= 3
    contract, segments = segments_of(X, numbers(error))
    worst = [(contract.columns[segment.column].name, segment.label) for segment in segments.worst]
    assert worst == [("number", "missing")]
    high = (X["number"] > X["number"].quantile(0.9)).to_numpy()
    error[:300] /= 3
    contract, segments = segments_of(X, numbers(np.where(high, 3 * error, error)))
    assert segments.worst[0].label.startswith("over 1.")


@pytest.mark.parametrize("kind", ["heavy", "rare", "common"])
def test_without_a_worse_segment_one_is_seldom_reported(kind: str) -> None:
    alarms, runs = 0, 200
    search = searcher(table(1200, 4))
    for seed in range(runs):
        random = np.random.default_rng(seed)
        if kind == "heavy":
            predictions = numbers(random.standard_t(3, 1200) ** 2)
        else:
            predictions = labels(random.random(1200) < (0.02 if kind == "rare" else 0.3))
        alarms += search(predictions)[1].significant > 0
    # 5 % of the runs, and three standard deviations of that
    assert alarms <= runs * 0.05 + 3 * (runs * 0.05 * 0.95) ** 0.5


def test_too_few_rows_are_not_tested() -> None:
    _, segments = segments_of(table(40, 5), numbers(np.ones(40)))
    assert (segments.tested, segments.worst) == (0, [])


def test_the_exact_test_is_scipy_s() -> None:
    for wrong, rows, all_wrong, n in ((3, 40, 9, 400), (30, 30, 200, 400), (1, 50, 1, 1200), (0, 30, 0, 100)):
        table = np.array([[wrong, rows - wrong], [all_wrong - wrong, n - rows - all_wrong + wrong]])
        assert fisher_tail(wrong, rows, all_wrong, n) == pytest.approx(fisher_exact(table, "greater").pvalue, rel=1e-9)


def test_wilson_is_the_score_interval_of_the_textbook() -> None:
    # Newcombe 1998, Table I: 81 of 263
    assert wilson_interval(81 / 263, 263, 1.959964) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    low, high = wilson_interval(0.0, 20, 1.959964)
    assert (low, round(high, 4)) == (0.0, 0.1611)
