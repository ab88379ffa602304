"""Bins: every strategy and encoding, before lines and trees."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, StandardScaler

from tests.compiler.cases import check, check_transformer, labels, numbers

pytestmark = pytest.mark.filterwarnings("ignore:Bins whose width:UserWarning")


@pytest.mark.parametrize("strategy", ["uniform", "quantile", "kmeans"])
@pytest.mark.parametrize("encode", ["onehot", "onehot-dense", "ordinal"])
def test_strategies(strategy: Any, encode: Any) -> None:
    X = numbers(90)[["a", "b", "d"]]
    options = {"quantile_method": "averaged_inverted_cdf"} if strategy == "quantile" else {}
    binner = KBinsDiscretizer([2, 5, 7], encode=encode, strategy=strategy, **options)
    check_transformer(binner, X, labels(X, "regression"), trees=encode != "onehot")


def test_behind_a_scaler_and_before_a_line() -> None:
    X = numbers(90)[["a", "b", "d"]]
    bins = KBinsDiscretizer(6, quantile_method="averaged_inverted_cdf")
    check(make_pipeline(StandardScaler(), bins, LinearRegression()), X, labels(X, "regression"))
    many = KBinsDiscretizer(40, encode="ordinal", strategy="uniform")
    check_transformer(many, X)


def test_a_column_of_one_value() -> None:
    X = numbers(50)[["a"]].assign(b=1.0)
    with pytest.warns(UserWarning, match="is constant"):
        check_transformer(KBinsDiscretizer(3, encode="onehot-dense", strategy="uniform"), X)
