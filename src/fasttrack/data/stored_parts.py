"""The parts of a table as they are stored: rows in order, types that agree, text not yet interpreted."""

from __future__ import annotations

from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

import pyarrow as pa

from fasttrack.contract.schema import base_kind
from fasttrack.data.column_kinds import convert_kinds, convert_stored
from fasttrack.data.in_memory import check_kinds
from fasttrack.data.plain_types import to_plain_types
from fasttrack.data.schema_agreement import check_same_names, check_schemas, widen_types

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fasttrack.contract.schema import Kind, KindChoice
    from fasttrack.data.part import GroupRows, TablePart

__all__ = ["MixedText", "StoredParts"]


class StoredParts:
    """The parts of one table. All methods raise DataError."""

    def __init__(self, parts: Sequence[TablePart]) -> None:
        self._parts = parts

    @cached_property
    def names(self) -> list[str]:
        """All columns; of several parts, those of the first."""
        return self._parts[0].column_names()

    def group_sizes(self) -> list[Sequence[int]] | None:
        """The rows of each row group of each part; `None` where a part has no groups."""
        sizes = [part.group_sizes() for part in self._parts]
        known = [group for group in sizes if group is not None]
        return known if len(known) == len(sizes) else None

    def types(self, kinds: Mapping[str, KindChoice], columns: Sequence[str] | None) -> dict[str, pa.DataType] | None:
        """The plain types of all parts, if they are known before the rows are read. Raises DataError if they differ.

        Text has the type of its kind in `kinds`.
        """
        converted = {name: base_kind(kind) for name, kind in kinds.items()}
        types: dict[str, pa.DataType] = {}
        first: tuple[str, pa.Table] | None = None
        for part in self._parts:
            if first is not None and len(self._parts) > 1:
                check_same_names(first[0], self.names, part.name, part.column_names())
            schema = part.schema(converted, columns)
            if schema is None:
                return None
            plain = convert_kinds(to_plain_types(schema.empty_table(), part.name), converted, part.name)
            if first is None:
                first = (part.name, plain)
            check_schemas(*first, part.name, plain)
            types = widen_types(types, plain.schema)
        return types

    def tables(
        self,
        kinds: Mapping[str, KindChoice],
        columns: Sequence[str] | None,
        groups: Sequence[GroupRows] | None = None,
        text_columns: Mapping[str, Kind] = MappingProxyType({}),
    ) -> Iterator[pa.Table]:
        """The rows in order, part by part, each part in its own plain types."""
        return (table for _, table in self.batches(kinds, columns, groups, text_columns))

    def batches(
        self,
        kinds: Mapping[str, KindChoice],
        columns: Sequence[str] | None,
        groups: Sequence[GroupRows] | None = None,
        text_columns: Mapping[str, Kind] = MappingProxyType({}),
    ) -> Iterator[tuple[str, pa.Table]]:
        """The rows in order, with the name of their part. Text stays text, also in the columns in `kinds`.

        Raises DataError if the types of the parts do not agree, MixedText if a column is text only in some of them and
        can be read as text in all.
        """
        # with row groups, all footers are compared before the first row is read
        is_compared = self._parts[0].group_sizes() is not None and self.types(kinds, columns) is not None
        part_kinds = {**{name: base_kind(kind) for name, kind in kinds.items()}, **text_columns}
        stored_kinds: dict[str, Kind] = {**part_kinds, **dict.fromkeys(text_columns, "category")}
        first: tuple[str, pa.Table] | None = None
        for number, part in enumerate(self._parts):
            if columns is not None and number and not is_compared:
                check_same_names(self._parts[0].name, self.names, part.name, part.column_names())
            first_row = 0
            for table in part.batches(part_kinds, columns, None if groups is None else groups[number]):
                check_kinds(kinds, table.column_names, part.name)
                plain = convert_stored(to_plain_types(table, part.name), stored_kinds, part.name, first_row)
                if first is None:
                    first = (part.name, plain)
                elif not first_row:
                    self._check_text(first[1], plain, kinds)
                    check_schemas(*first, part.name, plain)
                first_row += table.num_rows
                yield part.name, plain

    def _check_text(self, first: pa.Table, other: pa.Table, kinds: Mapping[str, KindChoice]) -> None:
        """Raise MixedText for columns that are text in one of two tables, and can be read as text in both."""
        mixed = [
            field.name
            for field in first.schema
            if field.name in other.column_names
            and self._parts[0].untyped
            and _is_text_in_one(field.type, other.schema.field(field.name).type)
        ]
        if mixed:
            raise MixedText(mixed)


class MixedText(Exception):
    """Columns that are text in some parts and not in others."""

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__(columns)
        self.columns = columns


def _is_text_in_one(first: pa.DataType, other: pa.DataType) -> bool:
    return pa.types.is_string(first) != pa.types.is_string(other) and not (
        pa.types.is_null(first) or pa.types.is_null(other)
    )
