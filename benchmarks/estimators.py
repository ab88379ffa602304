"""A pipeline as many people would write it, for `fasttrack train --estimator estimators:one_hot_boosting`."""

from __future__ import annotations

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

__all__ = ["one_hot_boosting"]

_TEXT = ["carrier", "origin", "dest"]
_NUMBERS = ["month", "day", "dep_time", "sched_dep_time", "dep_delay", "sched_arr_time", "distance", "hour", "minute"]


def one_hot_boosting() -> Pipeline:
    """One-hot encoded text and numbers, then 200 iterations of histogram gradient boosting."""
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer([("words", encoder, _TEXT), ("numbers", "passthrough", _NUMBERS)])
    return make_pipeline(columns, HistGradientBoostingRegressor(max_iter=200, early_stopping=False, random_state=0))
