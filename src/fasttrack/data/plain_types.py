"""The plain types of all columns, whatever the format: float64, int64, bool, string, timestamp[us, UTC]."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PANDAS_INDEX", "UTC_MICROS", "check_unique_names", "nan_to_null", "to_plain_types"]

UTC_MICROS = pa.timestamp("us", "UTC")
PANDAS_INDEX = re.compile(r"__index_level_\d+__")
"""What pandas calls the unnamed index of a filtered or shuffled frame: it numbers the rows and is not a column."""


def to_plain_types(table: pa.Table, name: str) -> pa.Table:
    """`table` with each column in the plain type that holds it; nested, binary and other types stay as they are.

    Raises DataError naming a column with a value that its plain type cannot hold, and a name that is used twice.
    """
    check_unique_names(table.column_names, name)
    columns = {}
    for field, column in zip(table.schema, table.columns, strict=True):
        try:
            columns[field.name] = _to_plain_type(column)
        except pa.ArrowException:
            raise DataError(
                f"{name}: {field.name!r} of type {field.type} contains a value that no plain type can hold; "
                "convert the column"
            ) from None
    return pa.table(columns)


def check_unique_names(names: Sequence[str], name: str) -> None:
    """Raise DataError for the first column of the table called `name` that another column is called, too."""
    seen: set[str] = set()
    for column in names:
        if column in seen:
            raise DataError(f"{name} has the column {column!r} twice; rename one")
        seen.add(column)


def nan_to_null(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A float64 column with null for NaN: a missing value has one form."""
    nan = pc.is_nan(column)
    return pc.if_else(nan, pa.scalar(None, pa.float64()), column) if pc.any(nan).as_py() else column


def _to_plain_type(column: pa.ChunkedArray) -> pa.ChunkedArray:
    type_ = column.type
    if pa.types.is_dictionary(type_):
        return _to_plain_type(pc.cast(column, type_.value_type))
    if pa.types.is_integer(type_):
        largest = pc.max(column).as_py() if type_ == pa.uint64() else None
        fits = largest is None or largest < 2**63
        return pc.cast(column, pa.int64()) if fits else pc.cast(column, pa.float64(), safe=False)
    if pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return nan_to_null(pc.cast(column, pa.float64(), safe=False))
    if pa.types.is_date(type_):
        return pc.cast(pc.cast(column, pa.timestamp("us")), UTC_MICROS)
    if pa.types.is_timestamp(type_):
        # nanoseconds may be cut, but a time outside the range of microseconds must not wrap around
        return pc.cast(column, options=pc.CastOptions(UTC_MICROS, allow_time_truncate=True))
    if pa.types.is_time(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return pc.cast(column, pa.string())
    return column
