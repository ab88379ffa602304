"""The confusion matrix holds each row once, and agrees with scikit-learn; a report says which classes it leaves out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.tree import DecisionTreeClassifier

import fasttrack
from fasttrack.report import read_report
from fasttrack.report.confusion import class_quality, confusion_matrix
from fasttrack.report.formatting import format_percent
from fasttrack.report.labelled_predictions import LabelledPredictions
from tests.report.pages import parse_page, table_rows

if TYPE_CHECKING:
    from pathlib import Path

RANDOM = np.random.default_rng(0)


def guesses(classes: int, rows: int = 900, unknown: int = 0) -> LabelledPredictions:
    """Random true and predicted labels; the first `unknown` true ones are labels that the model does not know."""
    truth = (RANDOM.integers(0, classes, rows) * RANDOM.integers(0, 2, rows)).astype(np.int64)  # the first is frequent
    truth[:unknown] = classes
    return LabelledPredictions(truth, RANDOM.integers(0, classes, rows), None, [f"c{i}" for i in range(classes)])


def test_the_confusion_matrix_and_the_class_table_are_scikit_learn_s() -> None:
    truth, prediction = RANDOM.integers(0, 4, 300), RANDOM.integers(0, 3, 300)
    predictions = LabelledPredictions(truth, prediction, None, ["a", "b", "c"])
    matrix, classes = confusion_matrix(predictions), class_quality(predictions)
    assert matrix is not None
    assert classes is not None
    counts = [[int(cell.count) for cell in row] for row in matrix.cells]
    assert matrix.true_labels == ["a", "b", "c", "unknown label"]
    assert np.array_equal(counts, metrics.confusion_matrix(truth, prediction)[:, :3])
    scores = metrics.f1_score(truth, prediction, average=None)
    assert [quality.f1 for quality in classes.rows] == [format_percent(score) for score in scores[:3]]
    assert matrix.note == classes.note == ""


@pytest.mark.parametrize("classes", [2, 3, 12, 13, 14, 20, 40, 300])
@pytest.mark.parametrize("unknown", [0, 7])
def test_each_row_is_counted_once_and_its_shares_add_up(classes: int, unknown: int) -> None:
    predictions = guesses(classes, unknown=unknown)
    matrix = confusion_matrix(predictions)
    assert matrix is not None
    counts = np.array([[int(cell.count) for cell in row] for row in matrix.cells])
    assert counts.sum() == 900
    own = 12 if classes > 13 else classes
    assert len(matrix.predicted_labels) == own + (classes > 13) == len(counts) - bool(unknown)
    for count, row in zip(counts, matrix.cells, strict=True):
        assert sum(cell.share for cell in row) == pytest.approx(1 if count.sum() else 0)
    if classes > 13:
        assert matrix.predicted_labels[-1] == f"{classes - 12} others"
        names = predictions.classes or []
        frequent = [names.index(name) for name in matrix.predicted_labels[:-1]]
        rare = ~np.isin(predictions.truth, [*frequent, classes])
        assert counts[own].sum() == rare.sum()
        assert counts[own, -1] == (rare & ~np.isin(predictions.prediction, frequent)).sum()
    if unknown:
        assert matrix.true_labels[-1] == "unknown label"
        assert counts[-1].sum() == unknown


@pytest.mark.parametrize("classes", [13, 14, 40])
def test_the_report_shows_shares_of_whole_rows_and_says_which_classes_it_leaves_out(
    tmp_path: Path, classes: int
) -> None:
    X = pd.DataFrame({"x": RANDOM.random(40 * classes)})
    y = pd.Series([f"class {int(value * classes):02d}" for value in X["x"]], name="y")
    y[::3] = y.sample(frac=1, random_state=0).to_numpy()[::3]
    tree = DecisionTreeClassifier(max_leaf_nodes=2 * classes, random_state=0).fit(X, y)
    text = read_report(fasttrack.package(tree, X, y, name="tree", store=tmp_path).bundle)
    errors = parse_page(text).texts["errors"]
    rows = table_rows(text, "confusion")
    assert len(rows) == 13
    for _, *cells in rows:
        shares = [re.fullmatch(r"\d+ ([\d.]+)\u00a0%", cell) for cell in cells]
        assert sum(float(share[1]) for share in shares if share) == pytest.approx(100, abs=0.05 * len(cells))
    listed = [name for name, *_ in table_rows(text, "classes")]
    assert len(listed) == min(classes, 30)
    assert (f"The 30 most frequent of {classes} classes are listed." in errors) == (classes > 30)
    others = (
        f"The 12 most frequent of {classes} classes have a row and a column of their own, the {classes - 12} others"
    )
    assert (others in errors) == (classes > 13)


def test_a_matrix_chooses_letters_and_heads_with_which_it_fits() -> None:
    truth = np.array([0, 1, 1])
    short, long = (
        confusion_matrix(LabelledPredictions(truth, truth, None, names))
        for names in (["no", "yes"], ["a service without any name", "a service without any other name at all"])
    )
    assert short is not None
    assert long is not None
    assert short.upright
    assert not long.upright
    assert short.width_em < long.width_em
    assert long.true_labels == ["a service without any name", "a service without any other name at all"]
    assert long.predicted_labels == ["a service without any name", "a service wit…r name at all"]
