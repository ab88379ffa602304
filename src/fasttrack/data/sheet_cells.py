"""The cells of a spreadsheet's column as an Arrow column of one type."""

from __future__ import annotations

import datetime
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from fasttrack.contract.numbers import infer_numbers
from fasttrack.contract.reading import DEFAULT_NULLS
from fasttrack.data.column_kinds import KIND_WORDS, cell_error, keep_as_text_hint
from fasttrack.data.number_text import without_mark
from fasttrack.data.plain_types import UTC_MICROS
from fasttrack.data.text_columns import MOSTLY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fasttrack.contract.schema import Kind

    Cell = float | str | bool | datetime.time | datetime.date | datetime.timedelta

__all__ = ["spell_cell", "to_column"]

_WHOLE = 2**53
"""Up to this number every whole number is exact: a sheet stores 64-bit floats only."""
_MISSING = frozenset(DEFAULT_NULLS)
_PLAIN_NUMBER = re.compile(r"\s*[+-]?((?!0\d)\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
"""A number that is stored as text; digits after a leading zero are a code."""
_DAY_S = 86_400


def spell_cell(cell: Cell) -> str:
    """A cell as text, as a CSV file would have it."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) <= _WHOLE else repr(cell)
    if isinstance(cell, datetime.datetime):
        return cell.isoformat(" ")
    if isinstance(cell, datetime.timedelta):
        return repr(cell.total_seconds() / _DAY_S)
    return cell if isinstance(cell, str) else str(cell)


def to_column(cells: Sequence[Cell], column: str, name: str, nulls: Sequence[str], *, as_text: bool) -> pa.ChunkedArray:
    """The cells as int64, float64, bool, timestamp or string; "" and `nulls` are missing.

    A duration is a number of days, as the sheet stores it; a time of day is text. Numbers that are stored as text count
    as numbers in a column that has others. `as_text`: a column of several types is text, whatever there is most of.
    Raises DataError naming the first cell of another type where there are few.
    """
    missing = {"", *nulls}
    values: list[Any] = [None if cell == "" or (nulls and spell_cell(cell) in missing) else cell for cell in cells]
    kinds = [None if value is None else _kind(value) for value in values]
    counts = {kind: kinds.count(kind) for kind in sorted({kind for kind in kinds if kind is not None})}
    if not counts:
        return pa.chunked_array([pa.nulls(len(values))])
    main = max(counts, key=lambda kind: counts[kind])
    if len(counts) > 1 and "category" in counts and main != "category":
        values, kinds = _typed_texts(values, main)
        counts = {kind: kinds.count(kind) for kind in counts if kind in kinds}
    if len(counts) == 1:
        return _one_kind(values, main)
    if counts[main] >= MOSTLY * sum(counts.values()) and main != "category" and not as_text:
        row = next(row for row, kind in enumerate(kinds) if kind not in (None, main))
        raise cell_error(name, row, column, spell_cell(values[row]), KIND_WORDS[main], keep_as_text_hint(column))
    return _text(values)


def _kind(cell: Cell) -> Kind:
    if isinstance(cell, bool):
        return "boolean"
    if isinstance(cell, float | int | datetime.timedelta):
        return "number"
    return "datetime" if isinstance(cell, datetime.date) else "category"


def _typed_texts(values: Sequence[Any], main: Kind) -> tuple[list[Any], list[Kind | None]]:
    """`values` with numbers for texts that spell them, in a column of numbers, and null for words that mean missing."""
    typed: list[Any] = []
    for value in values:
        if isinstance(value, str) and value in _MISSING:
            typed.append(None)
        elif main == "number" and isinstance(value, str) and _PLAIN_NUMBER.fullmatch(value):
            typed.append(float(value))
        else:
            typed.append(value)
    return typed, [None if value is None else _kind(value) for value in typed]


def _one_kind(values: Sequence[Any], kind: Kind) -> pa.ChunkedArray:
    if kind == "boolean":
        return pa.chunked_array([pa.array(values, pa.bool_())])
    if kind == "number":
        numbers = [
            value.total_seconds() / _DAY_S if isinstance(value, datetime.timedelta) else value for value in values
        ]
        is_whole = all(number is None or (float(number).is_integer() and abs(number) <= _WHOLE) for number in numbers)
        if is_whole:
            return pa.chunked_array([pa.array([None if x is None else int(x) for x in numbers], pa.int64())])
        return pa.chunked_array([pa.array(numbers, pa.float64())])
    if kind == "datetime":
        times = [
            None
            if value is None
            else value
            if isinstance(value, datetime.datetime)
            else datetime.datetime.combine(value, datetime.time())
            for value in values
        ]
        return pa.chunked_array([pa.array(times, pa.timestamp("us")).cast(UTC_MICROS)])
    return _text(values)  # its notation is inferred with that of the other files


def _text(values: Sequence[Any]) -> pa.ChunkedArray:
    # a point may separate thousands in the notation of the texts beside a number
    numbers = infer_numbers(Counter(value for value in values if isinstance(value, str)))
    has_comma = numbers is not None and numbers.notation is not None and numbers.notation.decimal == ","
    texts = [
        None
        if value is None
        else without_mark(spell_cell(value))
        if has_comma and _kind(value) == "number"
        else spell_cell(value)
        for value in values
    ]
    return pa.chunked_array([pa.array(texts, pa.string())])
