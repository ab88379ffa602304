"""Curves agree with scikit-learn's; numbers are rounded for readers."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from fasttrack.report import curves
from fasttrack.report.formatting import decimal_places, format_fixed, format_number, format_percent
from fasttrack.report.svg import Axis, padded_range

RANDOM = np.random.default_rng(0)
SCORE = np.round(RANDOM.random(500), 2)  # with ties
POSITIVE = RANDOM.random(500) < SCORE


def test_roc_and_precision_recall_are_scikit_learn_s() -> None:
    roc = curves.roc_curve(POSITIVE, SCORE)
    assert roc is not None
    expected = metrics.roc_curve(POSITIVE, SCORE, drop_intermediate=False)
    assert np.allclose(roc, expected[:2])
    assert curves.area_under(*roc) == pytest.approx(metrics.roc_auc_score(POSITIVE, SCORE))
    precision_recall = curves.precision_recall_curve(POSITIVE, SCORE)
    assert precision_recall is not None
    precision, recall, _ = metrics.precision_recall_curve(POSITIVE, SCORE)
    assert np.allclose(precision_recall[0][1:], recall[::-1][1:])
    assert np.allclose(precision_recall[1][1:], precision[::-1][1:])
    assert metrics.auc(*precision_recall) == pytest.approx(curves.area_under(*precision_recall))
    assert curves.roc_curve(np.ones(5, dtype=bool), SCORE[:5]) is None
    assert curves.precision_recall_curve(np.zeros(5, dtype=bool), SCORE[:5]) is None


def test_the_calibration_curve_holds_each_row_once() -> None:
    curve = curves.calibration_curve(SCORE, POSITIVE)
    assert curve.rows.sum() == 500
    assert np.average(curve.observed, weights=curve.rows) == pytest.approx(POSITIVE.mean())
    assert (curve.low <= curve.observed).all()
    assert (curve.observed <= curve.high).all()


def test_numbers_are_rounded_for_readers() -> None:
    assert [format_number(x) for x in (0, 12.345, 1234.5, -0.01234, 1e-7, 3.0)] == [
        "0",
        "12.35",
        "1,234",
        "−0.01234",
        "1e-07",
        "3",
    ]
    assert [format_percent(x).replace("\u00a0", " ") for x in (1.0, 0.99999, 0.5, 0.00001, 0.0)] == [
        "100 %",
        "> 99.9 %",
        "50.0 %",
        "< 0.1 %",
        "0 %",
    ]
    assert format_fixed(-0.0001, decimal_places((1.2, -0.5), 4)) == "0.000"


@pytest.mark.parametrize("high", [1e-9, 0.03, 0.7, 1.0, 7.0, 43.0, 999.0, 1e5, 3e12])
def test_ticks_are_round_distinct_and_within(high: float) -> None:
    for low in (-high, 0.0, high / 3):
        marks = Axis(low, high, "").marks(6)
        assert 2 <= len(marks) <= 8
        assert len({text for _, text in marks}) == len(marks)
        assert all(low - 1e-9 * high <= place <= high * (1 + 1e-9) for place, _ in marks)


def test_a_padded_range_is_never_empty() -> None:
    for values in ([], [np.nan], [5.0, 5.0], [0.0], [1e300, 1e300], [1.0, 2.0]):
        low, high = padded_range(np.array(values, dtype=float))
        assert low < high
