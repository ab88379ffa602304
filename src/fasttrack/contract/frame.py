"""Matrix ⇄ DataFrame: converts between the table that a pipeline is fitted on and the float64 matrix of the contract.

pandas is imported only when a function is called, because a server of a compiled model does without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fasttrack.contract.datetimes import micros_to_seconds
from fasttrack.contract.schema import WORDED, Column, Contract

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "UNSEEN",
    "frame_columns",
    "frame_from_matrix",
    "json_columns",
    "matrix_from_frame",
    "pipeline_input",
    "words_from_frame",
    "words_of_codes",
]

UNSEEN = "\u2047 unseen"
"""The text for code −1, a category that the training data did not have, where the word itself is not known."""


def pipeline_input(
    contract: Contract,
    matrix: NDArray[np.float64],
    text: Mapping[int, Sequence[str | None]] | None = None,
) -> pd.DataFrame | NDArray[Any]:
    """The input of the fitted pipeline: a DataFrame, or the bare [n, f] matrix in the dtype that it was fitted on."""
    if contract.input == "frame":
        return frame_from_matrix(contract, matrix, text)
    dtypes = {column.dtype for column in contract.columns}
    if dtypes != {"float32"} or (np.abs(matrix) > np.finfo(np.float32).max).any():
        return matrix
    return matrix.astype(np.float32)


def frame_from_matrix(
    contract: Contract,
    matrix: NDArray[np.float64],
    text: Mapping[int, Sequence[str | None]] | None = None,
) -> pd.DataFrame:
    """The DataFrame of the rows in `matrix` (float64[n, f]), with the training frame's names and dtypes.

    `text` gives the words of columns of categories and text by column index; without it those of categories come from
    the codes, −1 as UNSEEN, and a column of text raises ValueError. A value that the training dtype cannot hold (a
    number past its range, a new word in a pandas category) widens its column.
    """
    import pandas as pd

    columns = {}
    for j, column in enumerate(contract.columns):
        if column.kind in WORDED:
            words = text[j] if text is not None and j in text else words_of_codes(column, matrix[:, j])
            columns[j] = _text_series(column, words)
        elif column.kind == "datetime":
            columns[j] = _datetime_series(column, matrix[:, j])
        else:
            columns[j] = _number_series(column, matrix[:, j])
    frame = pd.DataFrame(columns, index=pd.RangeIndex(matrix.shape[0]))
    frame.columns = pd.Index(contract.names)
    return frame


def matrix_from_frame(contract: Contract, frame: pd.DataFrame) -> NDArray[np.float64]:
    """The float64[n, f] matrix of `frame`, whose columns are the contract's in its order."""
    import pandas as pd

    matrix = np.empty((len(frame), len(contract.columns)), dtype=np.float64)
    for j, column in enumerate(contract.columns):
        series = frame.iloc[:, j]
        missing = series.isna().to_numpy()
        if column.kind == "category":
            codes = pd.Index(column.categories or [], dtype=object).get_indexer(series.astype(object))
            matrix[:, j] = np.where(missing, np.nan, codes)
        elif column.kind == "text":
            matrix[:, j] = [np.nan if absent else len(word) for word, absent in zip(series, missing, strict=True)]
        elif column.kind == "datetime":
            moments = pd.to_datetime(series, utc=True).dt.as_unit("us").astype("int64").to_numpy()
            matrix[:, j] = np.where(missing, np.nan, micros_to_seconds(moments, missing))
        elif isinstance(series.dtype, np.dtype) and series.dtype.kind in "fiub":
            matrix[:, j] = series.to_numpy()
        else:
            matrix[:, j] = series.astype(object).where(~missing, np.nan).to_numpy().astype(np.float64)
    return matrix


def words_of_codes(column: Column, codes: NDArray[np.float64]) -> list[str | None]:
    """The words of float64[n] codes of a category; UNSEEN for −1. Raises ValueError for free text, which has none."""
    if column.kind == "text":
        raise ValueError(f"the texts of column {column.name!r} are needed: they have no codes")
    categories = column.categories or []
    known = len(categories)
    return [None if np.isnan(code) else str(categories[int(code)]) if 0 <= code < known else UNSEEN for code in codes]


def words_from_frame(
    contract: Contract, X: pd.DataFrame, columns: Sequence[int] | None = None
) -> dict[int, list[str | None]]:
    """The words by column index, from a frame with the contract's columns in its order.

    `columns`: of these, by default of all columns of categories and text.
    """
    if columns is None:
        columns = [j for j, column in enumerate(contract.columns) if column.kind in WORDED]
    words = {}
    for j in columns:
        cells = X.iloc[:, j]
        words[j] = cells.astype(object).where(cells.notna(), None).tolist()
    return words


def _text_series(column: Column, words: Sequence[str | None]) -> pd.Series[Any]:
    import pandas as pd

    if column.dtype == "category":
        return pd.Series(pd.Categorical(list(words), dtype=_category_dtype(column, words)))
    if column.dtype == "object":
        null = _null(column)
        return pd.Series([null if word is None else word for word in words], dtype=object)
    return pd.Series(list(words), dtype=column.dtype)


def _datetime_series(column: Column, seconds: NDArray[np.float64]) -> pd.Series[Any]:
    import pandas as pd

    missing = np.isnan(seconds)
    whole = np.floor(np.where(missing, 0, seconds))
    # the fraction by itself: together with the whole seconds it has too few digits
    micros = np.round((np.where(missing, 0, seconds) - whole) * 1e6).astype(np.int64)
    moments = (whole.astype(np.int64) * 1_000_000 + micros).astype("datetime64[us]")
    moments[missing] = np.datetime64("NaT", "us")
    series = pd.Series(moments)
    dtype = pd.api.types.pandas_dtype(column.dtype)
    zone = getattr(dtype, "tz", None) or getattr(getattr(dtype, "pyarrow_dtype", None), "tz", None)
    if zone is not None:
        series = series.dt.tz_localize("UTC").dt.tz_convert(zone)
    try:
        return series.astype(dtype)
    except pd.errors.OutOfBoundsDatetime:  # nanoseconds end in 2262
        return series


def _number_series(column: Column, values: NDArray[np.float64]) -> pd.Series[Any]:
    import pandas as pd

    if column.dtype == "category":
        labels = _labels(column, values)
        return pd.Series(pd.Categorical(labels, dtype=_category_dtype(column, labels)))
    if column.dtype == "object":
        null = _null(column)
        return pd.Series([null if label is None else label for label in _labels(column, values)], dtype=object)
    dtype = pd.api.types.pandas_dtype(column.dtype)
    if not _fits(getattr(dtype, "numpy_dtype", dtype), values, nullable=not isinstance(dtype, np.dtype)):
        return pd.Series(values)
    if isinstance(dtype, np.dtype):
        return pd.Series(values.astype(dtype))
    return pd.Series(pd.array(_labels(column, values), dtype=dtype))


def _fits(dtype: Any, values: NDArray[np.float64], *, nullable: bool) -> bool:
    """Whether `dtype` can hold the values, without one that wraps around or becomes infinite."""
    if not isinstance(dtype, np.dtype) or dtype.kind not in "fiu":
        return True
    missing = np.isnan(values)
    if dtype.kind == "f":
        return not (np.abs(values) > float(np.finfo(dtype).max)).any()
    bounds = np.iinfo(dtype)
    outside = (values < float(bounds.min)) | (values >= float(bounds.max) + 1)
    return not outside.any() and (nullable or not missing.any())


def _category_dtype(column: Column, cells: Sequence[Any]) -> pd.CategoricalDtype:
    import pandas as pd

    known = list(column.categories or [])
    seen = set(known) | {None}
    new = [cell for cell in dict.fromkeys(cells) if cell not in seen]
    index = pd.Index(known, dtype=column.labels) if column.labels and not new else pd.Index(known + new)
    return pd.CategoricalDtype(index, ordered=column.ordered)


def _null(column: Column) -> Any:
    import pandas as pd

    return {"nan": np.nan, "none": None, "na": pd.NA}[column.null]


def _labels(column: Column, values: NDArray[np.float64]) -> list[Any]:
    """The values with their Python types; missing is `None`."""
    convert: Any = {"integer": int, "boolean": bool}.get(column.kind, float)
    return [None if np.isnan(value) else convert(value) for value in values]


def frame_columns(contract: Contract, X: pd.DataFrame) -> dict[str, Any]:
    """The columns of `X`, whose columns are the contract's in its order, as `Decoder.columns` takes them.

    A training frame has booleans with missing cells as 0.0, 1.0 and NaN; here they are booleans.
    """
    columns: dict[str, Any] = {}
    for j, column in enumerate(contract.columns):
        cells = X.iloc[:, j]
        if column.kind == "boolean" and cells.dtype == np.float64:
            numbers = cells.to_numpy()
            columns[column.name] = np.ma.MaskedArray(numbers == 1, np.isnan(numbers))
        else:
            columns[column.name] = cells
    return columns


def json_columns(contract: Contract, X: pd.DataFrame) -> dict[str, list[Any]]:
    """The frame's cells as JSON carries them, by column: missing as null, datetimes as ISO 8601 text."""
    import pandas as pd

    columns: dict[str, list[Any]] = {}
    matrix = matrix_from_frame(contract, X)
    for j, column in enumerate(contract.columns):
        series = X.iloc[:, j]
        cells: list[Any]
        if column.kind in WORDED:
            cells = series.astype(object).where(series.notna(), None).tolist()
        elif column.kind == "datetime":
            moments = pd.to_datetime(series, utc=True)
            cells = [None if pd.isna(moment) else moment.isoformat() for moment in moments]
        elif column.kind == "boolean":
            cells = [None if np.isnan(number) else bool(number) for number in matrix[:, j]]
        else:
            cells = [None if np.isnan(number) else number for number in matrix[:, j].tolist()]
        columns[column.name] = cells
    return columns
