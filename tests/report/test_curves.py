"""Curves and confusion agree with scikit-learn's; numbers read well."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import auc, confusion_matrix, f1_score, precision_recall_curve, roc_auc_score, roc_curve

from fasttrack.report.answers import Answers
from fasttrack.report.confusion import confusion, per_class
from fasttrack.report.curves import area, precision_recall, reliability, roc
from fasttrack.report.svg import Axis, span
from fasttrack.report.words import decimals_for, fixed, number, percent

RANDOM = np.random.default_rng(0)
SCORE = np.round(RANDOM.random(500), 2)  # with ties
POSITIVE = RANDOM.random(500) < SCORE


def test_roc_and_precision_recall_are_scikit_learn_s() -> None:
    curve = roc(POSITIVE, SCORE)
    assert curve is not None
    theirs = roc_curve(POSITIVE, SCORE, drop_intermediate=False)
    assert np.allclose(curve, theirs[:2])
    assert area(*curve) == pytest.approx(roc_auc_score(POSITIVE, SCORE))
    found = precision_recall(POSITIVE, SCORE)
    assert found is not None
    precision, recall, _ = precision_recall_curve(POSITIVE, SCORE)
    assert np.allclose(found[0][1:], recall[::-1][1:])
    assert np.allclose(found[1][1:], precision[::-1][1:])
    assert auc(*found) == pytest.approx(area(*found))
    assert roc(np.ones(5, dtype=bool), SCORE[:5]) is None
    assert precision_recall(np.zeros(5, dtype=bool), SCORE[:5]) is None


def test_reliability_holds_each_row_once() -> None:
    found = reliability(SCORE, POSITIVE)
    assert found.rows.sum() == 500
    assert np.average(found.came, weights=found.rows) == pytest.approx(POSITIVE.mean())
    assert (found.low <= found.came).all()
    assert (found.came <= found.high).all()


def test_confusion_counts_each_row_once() -> None:
    truth, guess = RANDOM.integers(0, 4, 300), RANDOM.integers(0, 3, 300)
    told = Answers(truth, guess, None, ["a", "b", "c"])
    found = confusion(told)
    assert found is not None
    counts = [[int(count) for count, _, _ in row] for row in found.cells]
    assert found.truths == ["a", "b", "c", "unknown label"]
    assert np.array_equal(counts, confusion_matrix(truth, guess)[:, :3])
    scores = f1_score(truth, guess, average=None)
    assert [one.f1 for one in per_class(told)] == [percent(score) for score in scores[:3]]
    many = Answers(RANDOM.integers(0, 40, 900), RANDOM.integers(0, 40, 900), None, [str(i) for i in range(40)])
    wide = confusion(many)
    assert wide is not None
    assert wide.guesses[-1] == "28 others"
    assert sum(int(count) for row in wide.cells for count, _, _ in row) == 900


def test_numbers_read_well() -> None:
    assert [number(x) for x in (0, 12.345, 1234.5, -0.01234, 1e-7, 3.0)] == [
        "0",
        "12.35",
        "1,234",
        "−0.01234",
        "1e-07",
        "3",
    ]
    assert [percent(x).replace("\u00a0", " ") for x in (1.0, 0.99999, 0.5, 0.00001, 0.0)] == [
        "100 %",
        "> 99.9 %",
        "50.0 %",
        "< 0.1 %",
        "0 %",
    ]
    assert fixed(-0.0001, decimals_for((1.2, -0.5), 4)) == "0.000"


@pytest.mark.parametrize("high", [1e-9, 0.03, 0.7, 1.0, 7.0, 43.0, 999.0, 1e5, 3e12])
def test_ticks_are_round_distinct_and_within(high: float) -> None:
    for low in (-high, 0.0, high / 3):
        marks = Axis(low, high, "").marks(6)
        assert 2 <= len(marks) <= 8
        assert len({text for _, text in marks}) == len(marks)
        assert all(low - 1e-9 * high <= place <= high * (1 + 1e-9) for place, _ in marks)


def test_a_span_is_never_empty() -> None:
    for values in ([], [np.nan], [5.0, 5.0], [0.0], [1e300, 1e300], [1.0, 2.0]):
        low, high = span(np.array(values, dtype=float))
        assert low < high
