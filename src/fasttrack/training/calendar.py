"""Dates and times as numbers that a model can use."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

__all__ = ["PARTS", "CalendarFeatures"]

PARTS = ("seconds", "year", "month", "day", "weekday", "day_of_year", "hour")


class CalendarFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Each datetime column as seconds since 1970 UTC, year, month, day, weekday (0 is Monday), day of year and hour.

    All in UTC and float64; a missing value gives NaN in every part. Text is read as ISO 8601.
    """

    def fit(self, X: pd.DataFrame, y: Any = None) -> CalendarFeatures:
        """Remember the columns."""
        frame = pd.DataFrame(X)
        self.feature_names_in_ = np.asarray(frame.columns, dtype=object)
        self.n_features_in_ = frame.shape[1]
        return self

    def transform(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """float64[n, 7 k] for k columns, with the parts of a column next to each other."""
        check_is_fitted(self)
        frame = pd.DataFrame(X)
        parts = [_parts(frame.iloc[:, j]) for j in range(frame.shape[1])]
        return np.hstack(parts) if parts else np.empty((len(frame), 0))

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """`column_part` for every part."""
        check_is_fitted(self)
        return np.asarray([f"{name}_{part}" for name in self.feature_names_in_ for part in PARTS], dtype=object)


def _parts(series: pd.Series[Any]) -> NDArray[np.float64]:
    moments = pd.DatetimeIndex(pd.to_datetime(series, utc=True)).as_unit("us")
    missing = moments.isna()
    seconds = moments.asi8 / 1e6
    columns = [
        seconds,
        moments.year,
        moments.month,
        moments.day,
        moments.day_of_week,
        moments.day_of_year,
        moments.hour,
    ]
    parts = np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])
    parts[missing] = np.nan
    return parts
