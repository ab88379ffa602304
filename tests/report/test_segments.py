"""Worst segments: found where one was planted, and seldom where there is none."""

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
from fasttrack.report.answers import Answers
from fasttrack.report.segments import Segments, fisher, wilson, worst_segments

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


def judge(X: pd.DataFrame) -> Callable[[Answers], tuple[Contract, Segments]]:
    kinds: Any = {"number": "number", "few": "integer", "word": "category", "day": "datetime"}
    contract = Contract(columns=learn_columns(X, kinds), target=Target(name="y", task="regression"))
    matrix = matrix_from_frame(contract, X)
    reference = learn_reference(contract, matrix, np.zeros(1))
    return lambda told: (contract, worst_segments(contract, reference, matrix, told))


def found(X: pd.DataFrame, told: Answers) -> tuple[Contract, Segments]:
    return judge(X)(told)


def numbers(error: np.ndarray[Any, Any]) -> Answers:
    return Answers(np.zeros(len(error)), error, None, None)


def labels(wrong: np.ndarray[Any, Any]) -> Answers:
    return Answers(np.zeros(len(wrong), dtype=np.int64), wrong.astype(np.int64), None, ["u", "v"])


def test_a_planted_segment_is_found_first() -> None:
    X = table(3000, 0)
    random = np.random.default_rng(1)
    bad = (X["word"] == "c").to_numpy()
    contract, told = found(X, numbers(random.normal(0, np.where(bad, 3.0, 1.0))))
    first = told.worst[0]
    assert (contract.columns[first.column].name, first.where) == ("word", "= c")
    assert first.rows == bad.sum()
    assert first.low < first.error < first.high
    assert first.low > told.overall > first.others
    late = (X["day"] >= X["day"].quantile(0.9)).to_numpy()
    contract, told = found(X, labels(random.random(3000) < np.where(late, 0.4, 0.1)))
    first = told.worst[0]
    assert contract.columns[first.column].name == "day"
    assert first.where.startswith("over 2024-03-")
    assert first.error == pytest.approx(0.4, abs=0.1)


def test_a_missing_value_and_a_tenth_of_a_number_are_segments() -> None:
    X = table(3000, 2)
    X.loc[X.index[:300], "number"] = np.nan
    error = np.random.default_rng(3).exponential(1, 3000)
    error[:300] *= 3
    contract, told = found(X, numbers(error))
    assert [(contract.columns[one.column].name, one.where) for one in told.worst] == [("number", "missing")]
    high = (X["number"] > X["number"].quantile(0.9)).to_numpy()
    error[:300] /= 3
    contract, told = found(X, numbers(np.where(high, 3 * error, error)))
    assert told.worst[0].where.startswith("over 1.")


@pytest.mark.parametrize("kind", ["heavy", "rare", "common"])
def test_where_there_is_none_one_is_seldom_named(kind: str) -> None:
    alarms, runs = 0, 200
    judged = judge(table(1200, 4))
    for seed in range(runs):
        random = np.random.default_rng(seed)
        if kind == "heavy":
            told = numbers(random.standard_t(3, 1200) ** 2)
        else:
            told = labels(random.random(1200) < (0.02 if kind == "rare" else 0.3))
        alarms += judged(told)[1].found > 0
    # 5 % of the runs, and three standard deviations of that
    assert alarms <= runs * 0.05 + 3 * (runs * 0.05 * 0.95) ** 0.5


def test_too_few_rows_say_nothing() -> None:
    X = table(40, 5)
    _, told = found(X, numbers(np.ones(40)))
    assert (told.tested, told.worst) == (0, [])


def test_the_exact_test_is_scipy_s() -> None:
    for wrong, rows, all_wrong, n in ((3, 40, 9, 400), (30, 30, 200, 400), (1, 50, 1, 1200), (0, 30, 0, 100)):
        table = np.array([[wrong, rows - wrong], [all_wrong - wrong, n - rows - all_wrong + wrong]])
        assert fisher(wrong, rows, all_wrong, n) == pytest.approx(fisher_exact(table, "greater").pvalue, rel=1e-9)


def test_wilson_is_the_score_interval_of_the_textbook() -> None:
    # Newcombe 1998, Table I: 81 of 263
    assert wilson(81 / 263, 263, 1.959964) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    low, high = wilson(0.0, 20, 1.959964)
    assert (low, round(high, 4)) == (0.0, 0.1611)
