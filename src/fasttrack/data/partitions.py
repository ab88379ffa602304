"""Hive partitions: columns that the names of folders hold, such as `year=2013/month=1/part.parquet`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["partitions", "with_folders"]

_NOTHING = "__HIVE_DEFAULT_PARTITION__"


def partitions(paths: Sequence[str]) -> list[dict[str, pa.Scalar]]:
    """For each of the paths below the folder that was named, the columns that its folders hold.

    A column is of whole numbers when all values of it are, else text.
    """
    found = [_pairs(path) for path in paths]
    values: dict[str, set[str | None]] = {}
    for pairs in found:
        for name, value in pairs.items():
            values.setdefault(name, set()).add(value)
    kinds = {
        name: pa.int64() if all(value is None or _whole(value) for value in some) else pa.string()
        for name, some in values.items()
    }
    return [{name: _scalar(value, kinds[name]) for name, value in pairs.items()} for pairs in found]


def with_folders(table: pa.Table, folders: Mapping[str, pa.Scalar]) -> pa.Table:
    """`table` with a column for each of `folders`; a column of that name in the table wins."""
    for name, value in folders.items():
        if name not in table.column_names:
            table = table.append_column(name, pa.repeat(value, table.num_rows))
    return table


def _scalar(value: str | None, kind: pa.DataType) -> pa.Scalar:
    return pa.scalar(int(value) if value is not None and kind == pa.int64() else value, kind)


def _pairs(path: str) -> dict[str, str | None]:
    pairs: dict[str, str | None] = {}
    for folder in path.split("/")[:-1]:
        name, equals, value = folder.partition("=")
        if equals and name:
            pairs[unquote(name)] = None if value == _NOTHING else unquote(value)
    return pairs


def _whole(value: str) -> bool:
    digits = value.removeprefix("-")
    # 007 is a name, and so is a number past 64 bits
    return digits.isascii() and digits.isdigit() and (value == "0" or digits[0] != "0") and len(digits) < 19
