"""Gaussian naive Bayes: priors, sample weights, and columns with little variance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.compiler.cases import check_predictor, make_target, mixed_table, number_table

if TYPE_CHECKING:
    from fasttrack.contract import Task


@pytest.mark.parametrize("task", ["binary", "multiclass"])
@pytest.mark.parametrize("seed", [0, 1])
def test_classes(task: Task, seed: int) -> None:
    X = number_table(120, seed=seed)
    check_predictor(make_pipeline(StandardScaler(), GaussianNB()), X, make_target(X, task, seed=seed))
    check_predictor(GaussianNB(), X, make_target(X, task, seed=seed))


def test_priors_weights_and_a_constant_column() -> None:
    X = number_table(90).assign(b=3.0)
    y = make_target(X, "multiclass")
    weights = np.where(y == "low", 0.1, 2.0)
    check_predictor(GaussianNB(priors=[0.2, 0.5, 0.3]), X, y)
    check_predictor(GaussianNB(var_smoothing=1e-3), X, y, fit={"sample_weight": weights})


def test_categories() -> None:
    X = mixed_table(150)[["text", "words"]]
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    y = (X["text"] == "x").to_numpy().astype(int)
    y[:20] = 1 - y[:20]
    check_predictor(make_pipeline(encoder, GaussianNB(var_smoothing=1e-2)), X, y)
