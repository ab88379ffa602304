"""PCA, IncrementalPCA and TruncatedSVD."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.decomposition import PCA, IncrementalPCA, TruncatedSVD
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.compiler.cases import check_predictor, check_transformer, make_target, mixed_table, number_table

X = number_table(90, columns=6)


@pytest.mark.parametrize("solver", ["full", "covariance_eigh", "randomized", "arpack"])
@pytest.mark.parametrize("whiten", [True, False])
def test_solvers(solver: Any, whiten: bool) -> None:
    pca = PCA(3, svd_solver=solver, whiten=whiten, random_state=0)
    check_transformer(make_pipeline(StandardScaler(), pca), X, trees=False)


@pytest.mark.parametrize("whiten", [True, False])
def test_unscaled_columns_and_incremental_fitting(whiten: bool) -> None:
    check_transformer(PCA(0.9, whiten=whiten), number_table(90, columns=1), trees=False)
    check_transformer(make_pipeline(StandardScaler(), IncrementalPCA(2, whiten=whiten)), X, trees=False)


@pytest.mark.parametrize("algorithm", ["arpack", "randomized"])
def test_one_hot_columns(algorithm: Any) -> None:
    frame = mixed_table(150)[["text", "words"]]
    hot = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=2)
    svd = TruncatedSVD(4, algorithm=algorithm, random_state=0)
    answers = make_target(number_table(150), "regression")
    check_predictor(make_pipeline(hot, svd, LinearRegression()), frame, answers)
