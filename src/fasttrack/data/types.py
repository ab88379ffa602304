"""The few plain types that every source is brought to, and what a user says a column is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.errors import DataError

if TYPE_CHECKING:
    from fasttrack.contract.schema import Kind

__all__ = ["UTC_MICROS", "bad_cell", "convert", "normalise"]

UTC_MICROS = pa.timestamp("us", "UTC")
_TYPES = {"number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_(), "datetime": UTC_MICROS}
_EXPECTED = {
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "datetime": "an ISO 8601 date and time",
}


def normalise(table: pa.Table, name: str) -> pa.Table:
    """Each column as float64, int64, bool, string or timestamp[us, UTC]; other types stay as they are."""
    columns = {}
    for field, column in zip(table.schema, table.columns, strict=True):
        try:
            columns[field.name] = _plain(column)
        except pa.ArrowException:
            raise DataError(
                f"{name}: {field.name!r} of type {field.type} holds values that no plain type can"
            ) from None
    return pa.table(columns)


def convert(table: pa.Table, kinds: Mapping[str, Kind], name: str) -> pa.Table:
    """`table` with the columns in `kinds` brought to that kind. Raises DataError naming the first bad cell."""
    for column_name, kind in kinds.items():
        index = table.column_names.index(column_name)
        column = table.column(index)
        made = pc.cast(column, pa.string()) if kind == "category" else _parsed(column, kind, column_name, name)
        table = table.set_column(index, column_name, made)
    return table


def bad_cell(name: str, row: int, column: str, text: object, expected: str, advice: str) -> DataError:
    """The error for one cell; `row` counts data rows from 0, the message from 1."""
    shown = str(text) if len(str(text)) <= 40 else str(text)[:39] + "…"
    return DataError(f'{name} row {row + 1}: {column} is "{shown}", expected {expected}; {advice}')


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(pc.cast(column, kind.value_type))
    if pa.types.is_integer(kind):
        bounds = pc.min_max(column).as_py() if kind == pa.uint64() else {"max": None}
        fits = bounds["max"] is None or bounds["max"] < 2**63
        return pc.cast(column, pa.int64()) if fits else pc.cast(column, pa.float64(), safe=False)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return pc.cast(column, pa.float64(), safe=False)
    if pa.types.is_date(kind):
        return pc.cast(pc.cast(column, pa.timestamp("us")), UTC_MICROS)
    if pa.types.is_timestamp(kind):
        return pc.cast(column, UTC_MICROS, safe=False)
    if pa.types.is_time(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pc.cast(column, pa.string())
    return column


def _parsed(column: pa.ChunkedArray, kind: Kind, column_name: str, name: str) -> pa.ChunkedArray:
    try:
        if kind == "datetime" and pa.types.is_string(column.type):
            return _datetimes(column)
        return pc.cast(column, _TYPES[kind])
    except pa.ArrowException:
        for row, value in enumerate(column):
            try:
                one = pa.chunked_array([pa.array([value.as_py()], type=column.type)])
                if kind == "datetime" and pa.types.is_string(column.type):
                    _datetimes(one)
                else:
                    pc.cast(one, _TYPES[kind])
            except pa.ArrowException:
                advice = f"fix the cell, pass --null {value.as_py()}, or leave out --kind {column_name}={kind}"
                raise bad_cell(name, row, column_name, value.as_py(), _EXPECTED[kind], advice) from None
        raise


def _datetimes(column: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        return pc.cast(pc.cast(column, pa.timestamp("us")), UTC_MICROS)
    except pa.ArrowException:  # text with a zone
        return pc.cast(column, UTC_MICROS)
