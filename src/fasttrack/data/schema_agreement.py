"""The schema of a table in several parts: same columns, and types that one type holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["cast_columns", "check_same_names", "check_schemas", "concatenate", "widen_types"]


def check_same_names(first_name: str, first: Sequence[str], other_name: str, other: Sequence[str]) -> None:
    """Raise DataError when two parts have different columns, in whatever order."""
    if set(first) != set(other):
        different = ", ".join(map(repr, sorted(set(first) ^ set(other))))
        raise DataError(f"{first_name} and {other_name} differ in the columns {different}; give them the same columns")


def check_schemas(first_name: str, first: pa.Table, other_name: str, other: pa.Table) -> None:
    """Raise DataError when two parts have different columns, or a column with types that no one type holds."""
    check_same_names(first_name, first.column_names, other_name, other.column_names)
    for field in other.schema:
        first_type = first.schema.field(field.name).type
        if _common_type(first_type, field.type) is None:
            raise DataError(
                f"{field.name!r} is {first_type} in {first_name} but {field.type} in {other_name}; "
                "give it one type, or set the column's kind to category to read all as text"
            )


def widen_types(types: dict[str, pa.DataType], schema: pa.Schema) -> dict[str, pa.DataType]:
    """For each column the type that holds both; `types` may be empty. The column order is that of `types`."""
    if not types:
        return dict(zip(schema.names, schema.types, strict=True))
    return {name: _common_type(type_, schema.field(name).type) or type_ for name, type_ in types.items()}


def concatenate(tables: list[pa.Table]) -> pa.Table:
    """The rows of all tables, in the column order of the first."""
    types: dict[str, pa.DataType] = {}
    for table in tables:
        types = widen_types(types, table.schema)
    return pa.concat_tables([cast_columns(table, types) for table in tables])


def cast_columns(table: pa.Table, types: Mapping[str, pa.DataType]) -> pa.Table:
    """The columns in `types`, in that order and in these types."""
    columns = [pc.cast(table.column(name), type_, safe=False) for name, type_ in types.items()]
    return pa.table(columns, schema=pa.schema(types.items()))


def _common_type(first: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """The type that holds both, or `None`: an empty column takes the other type, int64 with float64 is float64."""
    if first == other or pa.types.is_null(other):
        return first
    if pa.types.is_null(first):
        return other
    return pa.float64() if {first, other} == {pa.int64(), pa.float64()} else None
