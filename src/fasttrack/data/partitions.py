"""Hive partitions: columns that the names of folders hold, such as `year=2013/month=1/part.parquet`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["add_folder_columns", "folder_columns", "with_folder_columns"]

_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


def folder_columns(paths: Sequence[str]) -> list[dict[str, pa.Scalar]]:
    """For each of `paths`, relative to the folder that is the table, the columns that its folders hold.

    A column is int64 when all its values are whole numbers, else string.
    """
    texts = [_texts(path) for path in paths]
    values: dict[str, set[str | None]] = {}
    for columns in texts:
        for name, value in columns.items():
            values.setdefault(name, set()).add(value)
    types = {
        name: pa.int64() if all(value is None or _is_whole_number(value) for value in distinct) else pa.string()
        for name, distinct in values.items()
    }
    return [{name: _scalar(value, types[name]) for name, value in columns.items()} for columns in texts]


def with_folder_columns(stored: Sequence[str], columns: Iterable[str]) -> list[str]:
    """The names of the stored columns, then those of folders; a stored column of the same name wins."""
    return [*stored, *(name for name in columns if name not in stored)]


def add_folder_columns(table: pa.Table, columns: Mapping[str, pa.Scalar]) -> pa.Table:
    """`table` with a constant column for each of `columns`; a stored column of the same name wins."""
    for name, value in columns.items():
        if name not in table.column_names:
            table = table.append_column(name, pa.repeat(value, table.num_rows))
    return table


def _scalar(value: str | None, type_: pa.DataType) -> pa.Scalar:
    return pa.scalar(int(value) if value is not None and type_ == pa.int64() else value, type_)


def _texts(path: str) -> dict[str, str | None]:
    """Column → its value as the folder spells it."""
    texts: dict[str, str | None] = {}
    for folder in path.split("/")[:-1]:
        name, equals, value = folder.partition("=")
        if equals and name:
            texts[unquote(name)] = None if value == _HIVE_NULL else unquote(value)
    return texts


def _is_whole_number(value: str) -> bool:
    digits = value.removeprefix("-")
    # 007 is a name, and so is a number that may exceed 64 bits
    return digits.isascii() and digits.isdigit() and (value == "0" or digits[0] != "0") and len(digits) < 19
