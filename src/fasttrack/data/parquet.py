"""Parquet → Arrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["read_parquet"]


def read_parquet(content: bytes, name: str, nulls: Sequence[str], as_text: Sequence[str]) -> pa.Table:
    """The table in a Parquet file. Raises DataError when it is none, or has a column name twice."""
    try:
        table = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError):
        raise DataError(f"{name} is no Parquet file, or not a whole one; write it again") from None
    doubled = {column for column in table.column_names if table.column_names.count(column) > 1}
    if doubled:
        raise DataError(f"{name} has the column {min(doubled)!r} twice; rename one")
    return table
