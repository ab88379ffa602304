"""Hive partitions: columns that the names of folders hold, such as `year=2013/month=1/part.parquet`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Partitions"]

_NOTHING = "__HIVE_DEFAULT_PARTITION__"


class Partitions:
    """The columns of a set of files, by their paths below the folder that was named."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._of = {path: _pairs(path) for path in paths}
        values: dict[str, set[str | None]] = {}
        for pairs in self._of.values():
            for name, value in pairs.items():
                values.setdefault(name, set()).add(value)
        self._numbers = {name for name, found in values.items() if all(v is None or _whole(v) for v in found)}

    def add(self, table: pa.Table, path: str) -> pa.Table:
        """`table` with a column for each folder of `path` that names one; a column of that name in the file wins."""
        for name, value in self._of[path].items():
            if name in table.column_names:
                continue
            if name in self._numbers:
                column = pa.array([None if value is None else int(value)] * table.num_rows, pa.int64())
            else:
                column = pa.array([value] * table.num_rows, pa.string())
            table = table.append_column(name, column)
        return table


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
    return digits.isascii() and digits.isdigit() and (digits == "0" or digits[0] != "0") and len(digits) < 19
