"""Further spellings of a missing value in columns that have types."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["replace_nulls"]


def replace_nulls(table: pa.Table, nulls: Sequence[str]) -> pa.Table:
    """`table` with null for each cell that is spelled as one of `nulls`."""
    spellings = pa.array(list(nulls), pa.string())
    for index, field in enumerate(table.schema):
        column = table.column(index)
        try:
            missing = pc.is_in(pc.cast(column, pa.string()), value_set=spellings)
        except pa.ArrowException:  # a nested column has no spelling
            continue
        if pc.any(missing).as_py():
            table = table.set_column(index, field, pc.if_else(missing, pa.scalar(None, field.type), column))
    return table
