"""Nearest neighbours are not compiled, and say why."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from tests.compiler.cases import labels, numbers, refusal

X = numbers(60)


@pytest.mark.parametrize("model", [KNeighborsClassifier(), KNeighborsRegressor()])
def test_the_reason_is_told(model: KNeighborsClassifier) -> None:
    assert "equally distant neighbours" in refusal(model, X, labels(X, "binary"))


def test_scikit_learn_answers_by_the_order_of_rows_where_neighbours_are_equal() -> None:
    rows, answers = np.array([[0.0], [2.0], [4.0]]), np.array([1.0, 5.0, 5.0])
    far = np.array([[1e20]])
    ahead = KNeighborsRegressor(1).fit(rows, answers).predict(far)
    behind = KNeighborsRegressor(1).fit(rows[::-1], answers[::-1]).predict(far)
    assert ahead[0] != behind[0]
