"""Rows that are given as Python objects, for a model that was fitted elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from fasttrack.contract.fitted_pipeline import call_method
from fasttrack.errors import DataError, TrainingError

__all__ = ["check_one_target", "feature_frame", "target_series"]


def feature_frame(X: Any) -> pd.DataFrame:
    """The features [n, f] as a DataFrame; the columns of an array are named x0, x1, …

    Raises DataError when `X` is neither a DataFrame with distinct text as column names nor a 2-dimensional array of
    numbers.
    """
    if not isinstance(X, pd.DataFrame):
        values = np.asarray(X)
        if values.ndim != 2 or values.dtype.kind not in "fiub":
            raise DataError("X must be a DataFrame, or a 2-dimensional array of numbers")
        return pd.DataFrame(values, columns=[f"x{j}" for j in range(values.shape[1])])
    if not all(isinstance(name, str) for name in X.columns):
        raise DataError("X has column names that are not text; set X.columns = X.columns.astype(str) before fitting")
    if not X.columns.is_unique:
        raise DataError(f"X has the column {X.columns[X.columns.duplicated()][0]!r} twice; rename one before fitting")
    return X.reset_index(drop=True)


def target_series(y: Any, rows: int) -> pd.Series[Any]:
    """The target [n] as a series. Raises TrainingError when it has several columns, or not as many values as `rows`."""
    if np.ndim(y) > 1 and np.shape(y)[1:] != (1,):
        raise TrainingError(f"y has {np.shape(y)[1]} columns; a model predicts one target, so give one column")
    series = y if isinstance(y, pd.Series) else pd.Series(np.asarray(y).reshape(-1))
    if rows != len(series) or not rows:
        raise TrainingError(f"X has {rows:,} rows and y {len(series):,}; both must have the same number, at least 1")
    return series.reset_index(drop=True)


def check_one_target(pipeline: Any, row: Any) -> None:
    """Raise TrainingError when the pipeline predicts more, or in another shape, than one value for one row."""
    shape = np.shape(call_method(pipeline.predict, row))
    if shape != (1,):
        several = "several targets" if len(shape) > 1 and shape[1] > 1 else "a column, not a vector"
        raise TrainingError(
            f"the pipeline predicts {several}: an array of shape {shape} for one row; a model has one target, "
            "so fit it on y as a vector: y.to_numpy().ravel()"
        )
