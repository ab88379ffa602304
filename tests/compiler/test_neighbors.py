"""Nearest neighbours do not compile; the error gives the reason."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from tests.compiler.cases import compile_error, make_target, number_table

X = number_table(60)


@pytest.mark.parametrize("model", [KNeighborsClassifier(), KNeighborsRegressor()])
def test_the_error_gives_the_reason(model: KNeighborsClassifier) -> None:
    assert "equally distant neighbours" in compile_error(model, X, make_target(X, "binary"))


def test_scikit_learn_breaks_ties_by_the_order_of_rows() -> None:
    rows, answers = np.array([[0.0], [2.0], [4.0]]), np.array([1.0, 5.0, 5.0])
    far = np.array([[1e20]])
    ahead = KNeighborsRegressor(1).fit(rows, answers).predict(far)
    behind = KNeighborsRegressor(1).fit(rows[::-1], answers[::-1]).predict(far)
    assert ahead[0] != behind[0]
