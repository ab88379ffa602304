"""A column of any origin as a one-dimensional NumPy array: a list, an array, a pandas Series, an Arrow array.

The values keep the types that they have; `contract.columns` reads them by the contract. pandas and pyarrow are never
imported for a caller that does not use them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ColumnArray", "column_array", "json_cell", "named_columns"]

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ColumnArray:
    """n cells of one column.

    `values`: [n], of any dtype. `missing`: bool[n], or None if missing cells are NaN, NaT or None in `values`.
    `indices`: for a dictionary-encoded column, int[n] into `values`, which then holds the distinct values; −1 is
    missing.
    """

    values: NDArray[Any]
    missing: Mask | None = None
    indices: NDArray[np.integer[Any]] | None = None

    def __len__(self) -> int:
        return len(self.values if self.indices is None else self.indices)

    def cell(self, row: int) -> Any:
        """The value of one row as JSON carries it."""
        if self.indices is not None:
            place = int(self.indices[row])
            return None if place < 0 else json_cell(self.values[place])
        if self.missing is not None and self.missing[row]:
            return None
        return json_cell(self.values[row])


def named_columns(table: Any) -> Mapping[str, Any]:
    """The columns of `table` by name.

    `table`: a mapping of columns, a pandas DataFrame, a structured NumPy array, or any table that offers the Arrow
    PyCapsule interface (pyarrow, polars, DuckDB). Raises DataError for anything else, and for two columns of one name.
    """
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(table, pandas.DataFrame):
        return _unique((str(label), table.iloc[:, j]) for j, label in enumerate(table.columns))
    if isinstance(table, Mapping):
        return _unique((str(name), column) for name, column in table.items())
    if isinstance(table, np.ndarray) and table.dtype.names:
        return {name: table[name] for name in table.dtype.names}
    if hasattr(table, "__arrow_c_stream__") or hasattr(table, "__arrow_c_array__"):
        import pyarrow as pa

        arrow = pa.table(table)
        return _unique(zip(arrow.column_names, arrow.columns, strict=True))
    raise DataError(
        f"a {type(table).__name__} is not a table; give a mapping of columns, a DataFrame or an Arrow table"
    )


def column_array(column: Any) -> ColumnArray | None:
    """The cells of `column`; None if it is not a one-dimensional sequence of cells."""
    if isinstance(column, np.ndarray):
        return _from_numpy(column) if column.ndim == 1 else None
    if isinstance(column, (list, tuple)):
        return _from_objects(list(column))
    pandas, arrow = sys.modules.get("pandas"), sys.modules.get("pyarrow")
    if pandas is not None and isinstance(column, (pandas.Series, pandas.Index, pandas.api.extensions.ExtensionArray)):
        return _from_pandas(pandas.Series(column))
    if arrow is not None and isinstance(column, (arrow.Array, arrow.ChunkedArray)):
        return _from_arrow(column)
    if hasattr(column, "__arrow_c_stream__"):
        import pyarrow as pa

        return _from_arrow(pa.chunked_array(column))
    if isinstance(column, Sequence) and not isinstance(column, (str, bytes, bytearray)):
        return _from_objects(list(column))
    return None


def json_cell(value: Any) -> Any:
    """A Python or NumPy value as JSON carries it: missing as None, a date and time as ISO 8601 text.

    A value of a type that JSON does not have stays as it is.
    """
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else _iso(value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return None if value != value else value
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if type(value).__name__ in ("NAType", "NaTType"):  # pandas.NA and pandas.NaT, which need not be imported to compare
        return None
    if isinstance(value, datetime):
        return (value if value.tzinfo is not None else value.replace(tzinfo=UTC)).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return None if value.is_nan() else float(value)
    return value


def _unique(columns: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for name, column in columns:
        if name in named:
            raise DataError(f"the table has two columns named {name!r}; rename one")
        named[name] = column
    return named


def _from_objects(cells: list[Any]) -> ColumnArray:
    return ColumnArray(np.fromiter(cells, dtype=object, count=len(cells)))


def _from_numpy(array: NDArray[Any]) -> ColumnArray:
    missing: Mask | None = None
    if isinstance(array, np.ma.MaskedArray):
        missing = np.ma.getmaskarray(array)
        array = array.data
    if array.dtype.kind in "fiubMO":
        return ColumnArray(array, missing)
    return ColumnArray(array.astype(object), missing)


def _from_pandas(series: Any) -> ColumnArray:
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        return _from_numpy(series.to_numpy())
    if hasattr(series, "cat"):
        return ColumnArray(_from_pandas(series.cat.categories.to_series()).values, indices=series.cat.codes.to_numpy())
    if hasattr(dtype, "pyarrow_dtype"):
        import pyarrow as pa

        return _from_arrow(pa.array(series))
    if dtype.kind == "M":  # with a time zone
        return ColumnArray(series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy())
    if dtype.kind in "fiub" and hasattr(dtype, "numpy_dtype"):
        missing = series.isna().to_numpy()
        return ColumnArray(series.to_numpy(dtype=dtype.numpy_dtype, na_value=0), missing)
    if dtype.kind in "fiub":  # sparse
        return _from_numpy(np.asarray(series))
    return ColumnArray(series.to_numpy(dtype=object, na_value=None))


def _from_arrow(array: Any) -> ColumnArray:
    import pyarrow as pa

    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    kind = array.type
    if pa.types.is_string_view(kind):
        return _from_arrow(array.cast(pa.large_string()))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        array = array.dictionary_encode()
    if pa.types.is_dictionary(array.type):
        indices = array.indices.cast(pa.int64()).fill_null(-1).to_numpy()
        return ColumnArray(_distinct(array.dictionary), indices=indices)
    missing = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        filled = array if missing is None else array.fill_null(False if pa.types.is_boolean(kind) else 0)
        return ColumnArray(filled.to_numpy(zero_copy_only=False), missing)
    if pa.types.is_date(kind):
        days = array.cast(pa.date32()).cast(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False)
        return ColumnArray(days.astype("datetime64[D]"), missing)
    if pa.types.is_timestamp(kind):
        numbers = array.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        return ColumnArray(numbers.view(f"datetime64[{kind.unit}]"), missing)
    return _from_objects(array.to_pylist())


def _distinct(dictionary: Any) -> NDArray[Any]:
    """The values of an Arrow dictionary, in which missing is None."""
    import pyarrow as pa

    kind = dictionary.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or dictionary.null_count:
        return _from_objects(dictionary.to_pylist()).values
    return _from_arrow(dictionary).values


def _iso(moment: np.datetime64) -> str:
    """ISO 8601 text of `moment`, which is in UTC, to the microsecond; not ISO 8601 outside the years 1 to 9999."""
    unit, _ = np.datetime_data(moment)
    known = (moment.astype("datetime64[us]") if unit in ("ns", "ps", "fs", "as") else moment).item()
    if isinstance(known, datetime):
        return known.replace(tzinfo=UTC).isoformat()
    return known.isoformat() if isinstance(known, date) else str(moment)
