"""KBinsDiscretizer: every strategy and encoding, before linear models and trees."""

from __future__ import annotations

from typing import Any

import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, StandardScaler

from tests.compiler.cases import check_predictor, check_transformer, make_target, number_table

pytestmark = pytest.mark.filterwarnings("ignore:Bins whose width:UserWarning")


@pytest.mark.parametrize("strategy", ["uniform", "quantile", "kmeans"])
@pytest.mark.parametrize("encode", ["onehot", "onehot-dense", "ordinal"])
def test_strategies(strategy: Any, encode: Any) -> None:
    X = number_table(90)[["a", "b", "d"]]
    options = {"quantile_method": "averaged_inverted_cdf"} if strategy == "quantile" else {}
    binner = KBinsDiscretizer([2, 5, 7], encode=encode, strategy=strategy, **options)
    check_transformer(binner, X, make_target(X, "regression"), trees=encode != "onehot")


def test_after_a_scaler_and_before_a_linear_model() -> None:
    X = number_table(90)[["a", "b", "d"]]
    bins = KBinsDiscretizer(6, quantile_method="averaged_inverted_cdf")
    check_predictor(make_pipeline(StandardScaler(), bins, LinearRegression()), X, make_target(X, "regression"))
    many = KBinsDiscretizer(40, encode="ordinal", strategy="uniform")
    check_transformer(many, X)


def test_a_constant_column() -> None:
    X = number_table(50)[["a"]].assign(b=1.0)
    with pytest.warns(UserWarning, match="is constant"):
        check_transformer(KBinsDiscretizer(3, encode="onehot-dense", strategy="uniform"), X)
