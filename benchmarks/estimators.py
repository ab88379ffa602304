"""Pipelines as many people would write them, for `fasttrack train --estimator estimators:one_hot_boosting`."""

from __future__ import annotations

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

__all__ = ["one_hot_boosting", "text_logistic", "text_ridge"]

_TEXT = ["carrier", "origin", "dest"]
_NUMBERS = ["month", "day", "dep_time", "sched_dep_time", "dep_delay", "sched_arr_time", "distance", "hour", "minute"]


def one_hot_boosting() -> Pipeline:
    """One-hot encoded text and numbers, then 200 iterations of histogram gradient boosting."""
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer([("words", encoder, _TEXT), ("numbers", "passthrough", _NUMBERS)])
    return make_pipeline(columns, HistGradientBoostingRegressor(max_iter=200, early_stopping=False, random_state=0))


def text_logistic() -> Pipeline:
    """Logistic regression on the TF-IDF of a text."""
    return make_pipeline(ColumnTransformer([("terms", TfidfVectorizer(), "text")]), LogisticRegression())


def text_ridge() -> Pipeline:
    """Ridge regression on the TF-IDF of a text."""
    return make_pipeline(ColumnTransformer([("terms", TfidfVectorizer(), "text")]), Ridge())
