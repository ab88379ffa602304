"""Matrix ⇄ DataFrame: the table that the pipeline was fitted on, and the float64 matrix that stands for it.

pandas is imported when a function is called, so that a server of a compiled model never loads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fasttrack.contract.schema import Column, Contract

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["UNSEEN", "frame_from_matrix", "matrix_from_frame", "pipeline_input"]

UNSEEN = "\u2047 unseen"
"""Stands for a text that the training data did not have, where only its code −1 is known."""


def pipeline_input(
    contract: Contract,
    matrix: NDArray[np.float64],
    text: Mapping[int, Sequence[str | None]] | None = None,
) -> pd.DataFrame | NDArray[np.float64]:
    """What to hand to the fitted pipeline: a DataFrame, or the bare float64[n, f] matrix it was fitted on."""
    return matrix if contract.input == "array" else frame_from_matrix(contract, matrix, text)


def frame_from_matrix(
    contract: Contract,
    matrix: NDArray[np.float64],
    text: Mapping[int, Sequence[str | None]] | None = None,
) -> pd.DataFrame:
    """The DataFrame that `matrix` (float64[n, f]) stands for, with the training frame's names and dtypes.

    `text` gives the words of text columns by column index; without it they come from the codes, −1 as UNSEEN.
    """
    import pandas as pd

    columns = {}
    for j, column in enumerate(contract.columns):
        if column.kind == "category":
            words = text[j] if text is not None and j in text else _words(column, matrix[:, j])
            columns[j] = _text_series(column, words)
        elif column.kind == "datetime":
            columns[j] = _datetime_series(column, matrix[:, j])
        else:
            columns[j] = _number_series(column, matrix[:, j])
    frame = pd.DataFrame(columns, index=pd.RangeIndex(matrix.shape[0]))
    frame.columns = pd.Index(contract.names)
    return frame


def matrix_from_frame(contract: Contract, frame: pd.DataFrame) -> NDArray[np.float64]:
    """The float64[n, f] matrix that stands for `frame`, whose columns are the contract's in its order."""
    import pandas as pd

    matrix = np.empty((len(frame), len(contract.columns)), dtype=np.float64)
    for j, column in enumerate(contract.columns):
        series = frame.iloc[:, j]
        missing = series.isna().to_numpy()
        if column.kind == "category":
            codes = pd.Index(column.categories or [], dtype=object).get_indexer(series.astype(object))
            matrix[:, j] = np.where(missing, np.nan, codes)
        elif column.kind == "datetime":
            moments = pd.to_datetime(series, utc=True).dt.as_unit("us")
            matrix[:, j] = np.where(missing, np.nan, moments.astype("int64").to_numpy() / 1e6)
        else:
            matrix[:, j] = series.astype(object).where(~missing, np.nan).to_numpy().astype(np.float64)
    return matrix


def _words(column: Column, codes: NDArray[np.float64]) -> list[str | None]:
    categories = column.categories or []
    known = len(categories)
    return [None if np.isnan(code) else str(categories[int(code)]) if 0 <= code < known else UNSEEN for code in codes]


def _text_series(column: Column, words: Sequence[str | None]) -> pd.Series[Any]:
    import pandas as pd

    if column.dtype == "category":
        return pd.Series(pd.Categorical(list(words), categories=column.categories))
    if column.dtype == "object":
        return pd.Series([np.nan if word is None else word for word in words], dtype=object)
    return pd.Series(list(words), dtype=column.dtype)


def _datetime_series(column: Column, seconds: NDArray[np.float64]) -> pd.Series[Any]:
    import pandas as pd

    micros = np.where(np.isnan(seconds), 0, np.round(seconds * 1e6)).astype("int64").astype("datetime64[us]")
    micros[np.isnan(seconds)] = np.datetime64("NaT")
    series = pd.Series(micros)
    dtype = pd.api.types.pandas_dtype(column.dtype)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return series.dt.tz_localize("UTC").astype(dtype)
    return series.astype(dtype)


def _number_series(column: Column, values: NDArray[np.float64]) -> pd.Series[Any]:
    import pandas as pd

    if column.dtype == "category":
        return pd.Series(pd.Categorical(_labels(column, values), categories=column.categories))
    if column.dtype == "object":
        return pd.Series(_labels(column, values), dtype=object)
    dtype = pd.api.types.pandas_dtype(column.dtype)
    if isinstance(dtype, np.dtype):
        if dtype.kind in "iu":
            bounds = np.iinfo(dtype)
            # a value that the training dtype cannot hold must not wrap around
            if np.isnan(values).any() or (values < float(bounds.min)).any() or (values >= float(bounds.max) + 1).any():
                return pd.Series(values)
        return pd.Series(values.astype(dtype))
    return pd.Series(pd.array(_labels(column, values), dtype=column.dtype))


def _labels(column: Column, values: NDArray[np.float64]) -> list[Any]:
    """The values with their Python types; missing is `None`."""
    convert: Any = {"integer": int, "boolean": bool}.get(column.kind, float)
    return [None if np.isnan(value) else convert(value) for value in values]
