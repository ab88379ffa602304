"""The few plain types that every format is brought to: float64, int64, bool, string, timestamp[us, UTC]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["UTC_MICROS", "check_once", "normalise", "without_nan"]

UTC_MICROS = pa.timestamp("us", "UTC")


def normalise(table: pa.Table, name: str) -> pa.Table:
    """`table` with each column in the plain type that holds it; nested, binary and other types stay as they are.

    Raises DataError naming a column with a value past its plain type, and one that stands there twice.
    """
    check_once(table.column_names, name)
    columns = {}
    for field, column in zip(table.schema, table.columns, strict=True):
        try:
            columns[field.name] = _plain(column)
        except pa.ArrowException:
            raise DataError(
                f"{name}: {field.name!r} of type {field.type} holds a value that no plain type can; convert the column"
            ) from None
    return pa.table(columns)


def check_once(names: Sequence[str], name: str) -> None:
    """Raise DataError for the first column of the table called `name` that stands there a second time."""
    seen: set[str] = set()
    for one in names:
        if one in seen:
            raise DataError(f"{name} has the column {one!r} twice; rename one")
        seen.add(one)


def without_nan(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A float64 column in which NaN is null: missing is one thing."""
    nan = pc.is_nan(column)
    return pc.if_else(nan, pa.scalar(None, pa.float64()), column) if pc.any(nan).as_py() else column


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(pc.cast(column, kind.value_type))
    if pa.types.is_integer(kind):
        most = pc.max(column).as_py() if kind == pa.uint64() else None
        fits = most is None or most < 2**63
        return pc.cast(column, pa.int64()) if fits else pc.cast(column, pa.float64(), safe=False)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return without_nan(pc.cast(column, pa.float64(), safe=False))
    if pa.types.is_date(kind):
        return pc.cast(pc.cast(column, pa.timestamp("us")), UTC_MICROS)
    if pa.types.is_timestamp(kind):
        # safe but for the nanoseconds: a second that microseconds cannot count must not wrap around
        return pc.cast(column, options=pc.CastOptions(UTC_MICROS, allow_time_truncate=True))
    if pa.types.is_time(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pc.cast(column, pa.string())
    return column
