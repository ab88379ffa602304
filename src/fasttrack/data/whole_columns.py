"""The text columns of a whole table as numbers, times and text: inferred from all cells, or read by a contract."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.contract.dates import DateNotation
from fasttrack.contract.reading import Reading
from fasttrack.contract.schema import base_kind
from fasttrack.data.column_kinds import parse_cells
from fasttrack.data.text_columns import (
    ColumnText,
    FaultyText,
    TextRules,
    are_compact_dates,
    dates_finding,
    infer_text,
    with_reading,
)

if TYPE_CHECKING:
    from fasttrack.contract.numbers import DecimalMark
    from fasttrack.contract.schema import Kind, KindChoice

__all__ = ["FaultyColumn", "KnownColumn", "count_texts", "infer_texts", "read_columns", "read_inferred"]

KnownColumn = tuple["Kind", Reading]
"""How a contract reads a column."""
_COMPACT = (1900_01_01, 2100_12_31)
"""The bounds of dates such as 20120131, as whole numbers; they rule out most columns before any parsing."""


@dataclass
class FaultyColumn(Exception):
    """A text column with a cell that is not what its other cells are, or what the column is to be."""

    column: str
    text: str
    kind: Kind
    share: float = 0.0
    """Share of the column's cells that are not of the kind."""


def count_texts(table: pa.Table) -> dict[str, Counter[str]]:
    """For each text column, how often each of its texts occurs."""
    counts = {}
    for field, column in zip(table.schema, table.columns, strict=True):
        if pa.types.is_string(field.type):
            counted = pc.value_counts(column.drop_null())
            texts, numbers = counted.field("values").to_pylist(), counted.field("counts").to_pylist()
            counts[field.name] = Counter(dict(zip(texts, numbers, strict=True)))
    return counts


def infer_texts(
    counts: Mapping[str, Mapping[str, int]], rules: TextRules, choices: Mapping[str, KindChoice]
) -> dict[str, ColumnText]:
    """What each text column is, by how often each of its texts occurs; `choices` are the kinds that a user set.

    Numbers that either decimal mark fits are read with the mark of the table's other columns, where these agree.
    Raises FaultyColumn.
    """
    inferred = {name: _infer(name, texts, rules, choices.get(name)) for name, texts in counts.items()}
    marks = {_decimal_mark(column) for column in inferred.values()} - {None}
    if len(marks) == 1:
        prefer = marks.pop()
        for name, column in inferred.items():
            if column.ambiguous_mark:
                inferred[name] = _infer(name, counts[name], rules, choices.get(name), prefer)
    return inferred


def _infer(
    name: str, counts: Mapping[str, int], rules: TextRules, choice: KindChoice | None, prefer: DecimalMark | None = None
) -> ColumnText:
    try:
        return infer_text(name, counts, rules, choice, prefer)
    except FaultyText as faulty:
        raise FaultyColumn(name, faulty.text, faulty.kind) from None


def _decimal_mark(column: ColumnText) -> DecimalMark | None:
    """The decimal mark that a column's numbers leave no doubt about."""
    notation = column.reading.number
    if notation is None or column.ambiguous_mark:
        return None
    return notation.decimal if notation.decimal == "," or notation.thousands else None


def read_inferred(table: pa.Table, rules: TextRules, choices: Mapping[str, KindChoice]) -> pa.Table:
    """`table` with each text column as what all its cells are, and with the `Reading` of each column in its field.

    Raises FaultyColumn.
    """
    inferred = infer_texts(count_texts(table), rules, choices)
    for index, field in enumerate(table.schema):
        column = table.column(index)
        reading, findings = rules.reading(), []
        if field.name in inferred:
            text = inferred[field.name]
            column, reading, findings = _parse(field.name, column, text.kind, text.reading), text.reading, text.findings
        elif pa.types.is_integer(field.type) and _is_datetime(choices.get(field.name), column):
            notation = DateNotation(compact=True)
            reading = msgspec.structs.replace(reading, dates=notation)
            column = _parse(field.name, pc.cast(column, pa.string()), "datetime", reading)
            findings = [dates_finding(field.name, notation)]
        table = table.set_column(index, with_reading(pa.field(field.name, column.type), reading, findings), column)
    return table


def read_columns(table: pa.Table, columns: Mapping[str, KnownColumn]) -> pa.Table:
    """`table` with the text of `columns` read as a contract says. Raises FaultyColumn for the first other text."""
    for index, field in enumerate(table.schema):
        if field.name not in columns:
            continue
        kind, reading = columns[field.name]
        column = table.column(index)
        if kind == "datetime" and pa.types.is_integer(field.type):
            column = pc.cast(column, pa.string())
        if pa.types.is_string(column.type):
            column = _parse(field.name, column, kind, reading)
        table = table.set_column(index, pa.field(field.name, column.type, metadata=field.metadata), column)
    return table


def _parse(name: str, column: pa.ChunkedArray, kind: Kind, reading: Reading) -> pa.ChunkedArray:
    values, wrong = parse_cells(column, kind, reading)
    if wrong.any():
        raise FaultyColumn(name, column[int(np.argmax(wrong))].as_py(), base_kind(kind), float(wrong.mean()))
    return values


def _is_datetime(choice: KindChoice | None, column: pa.ChunkedArray) -> bool:
    """Whether whole numbers are to be dates such as 20120131."""
    return _are_compact_dates(column) if choice is None else base_kind(choice) == "datetime"


def _are_compact_dates(column: pa.ChunkedArray) -> bool:
    """Whether whole numbers are dates such as 20120131, enough of them for that to be no accident."""
    if column.null_count == len(column):
        return False
    bounds = pc.min_max(column).as_py()
    if bounds["min"] < _COMPACT[0] or bounds["max"] > _COMPACT[1]:
        return False
    return are_compact_dates(pc.unique(pc.cast(column.drop_null(), pa.string())).to_pylist())
