"""Parquet → Arrow."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fasttrack.contract.schema import Kind

__all__ = ["read_parquet"]

_PANDAS_INDEX = re.compile(r"__index_level_\d+__")
"""What pandas calls the nameless index of a filtered or shuffled frame: the places of its rows, not a column."""


def read_parquet(content: bytes, name: str, nulls: Sequence[str], kinds: Mapping[str, Kind]) -> pa.Table:
    """The table in a Parquet file, without the nameless index of a pandas frame. Raises DataError when it is none."""
    try:
        with pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True) as file:
            table = file.read()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError):
        raise DataError(f"{name} is no Parquet file, or not a whole one; write it again") from None
    kept = [index for index, column in enumerate(table.column_names) if not _PANDAS_INDEX.fullmatch(column)]
    table = table.select(kept)
    return _without(nulls, table) if nulls else table


def _without(nulls: Sequence[str], table: pa.Table) -> pa.Table:
    """`table` with null for each cell that is written as one of `nulls`."""
    spellings = pa.array(list(nulls), pa.string())
    for index, field in enumerate(table.schema):
        column = table.column(index)
        try:
            missing = pc.is_in(pc.cast(column, pa.string()), value_set=spellings)
        except pa.ArrowException:  # a nested column is not written as one text
            continue
        if pc.any(missing).as_py():
            table = table.set_column(index, field, pc.if_else(missing, pa.scalar(None, field.type), column))
    return table
