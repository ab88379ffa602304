"""What the cells of a column are: what a user says they are, or what text is, taken as a whole, without a doubt."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.data.names import LONGEST, bare, quoted
from fasttrack.data.types import UTC_MICROS, without_nan
from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from fasttrack.contract.schema import Kind

    Parse = Callable[[pa.ChunkedArray], pa.ChunkedArray]
    """Raises ArrowException when a cell cannot be what it makes of it."""

__all__ = ["EXPECTED", "MOSTLY", "PATTERNS", "bad_cell", "convert", "keep_as_text", "recognise", "spelled"]

MOSTLY = 0.95
"""From this share of its cells on, text is taken for a column of numbers or times with faults in it."""
_ZONE = r"(Z|[+-]\d\d(:?\d\d)?)$"
PATTERNS: dict[Kind, str] = {
    "number": r"^[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|(?i:inf(inity)?))$",
    "datetime": rf"^\d{{4}}-\d\d-\d\d([ T]\d\d(:\d\d(:\d\d(\.\d+)?)?)?( ?{_ZONE})?)?$",
}
_HOPEFUL: dict[Kind, str] = {
    "number": r"^[+-]?(\d|\.\d|(?i:inf|nan))",
    "integer": r"^[+-]?\d",
    "boolean": r"^((?i:true|false)|[01])$",
    "datetime": r"^\d{4}-\d\d-\d\d",
}
"""What a cell begins with that has a chance: the others need no trying."""
EXPECTED: dict[Kind, str] = {
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "datetime": "an ISO 8601 date or time",
    "category": "text",
}


def convert(table: pa.Table, kinds: Mapping[str, Kind], name: str, first: int = 0) -> pa.Table:
    """`table` with each column in `kinds` brought to that kind. Raises DataError naming the first cell that is not.

    `first` is the row of `name` with which `table` begins, counted from 0.
    """
    for column_name, kind in kinds.items():
        index = table.column_names.index(column_name)
        column = table.column(index)
        parse = _PARSERS[kind]
        if column.null_count == len(column):  # nothing in it can be of another kind
            table = table.set_column(index, column_name, pa.nulls(len(column), _TYPES[kind]))
            continue
        try:
            table = table.set_column(index, column_name, parse(column))
        except pa.ArrowException:
            row = _first_bad(column, parse)
            way_out = f"leave out --kind {shlex.quote(f'{column_name}={kind}')}"
            raise bad_cell(name, first + row, column_name, column[row].as_py(), EXPECTED[kind], way_out) from None
    return table


def recognise(
    column: pa.ChunkedArray, column_name: str, name: str, among: Sequence[Kind], first: int = 0
) -> pa.ChunkedArray:
    """A text column as the first kind of `among` (number, datetime) that all its cells are, else as it is.

    Raises DataError naming the first other cell when there are few: one bad cell must not turn a measure into text.
    `first` is the row of `name` with which the column begins, counted from 0.
    """
    text = pc.utf8_trim_whitespace(column)
    for kind in among:
        fits = pc.match_substring_regex(text, PATTERNS[kind])
        share = pc.mean(fits).as_py() or 0
        if share < MOSTLY:
            continue
        try:
            if share == 1:
                return _PARSERS[kind](text)
            row = pc.index(fits, False).as_py()
        except pa.ArrowException:  # a date such as 2013-02-30
            row = _first_bad(text, _PARSERS[kind])
        raise bad_cell(name, first + row, column_name, column[row].as_py(), EXPECTED[kind], keep_as_text(column_name))
    return column


def spelled(column: pa.ChunkedArray, kind: Kind) -> tuple[pa.ChunkedArray, NDArray[np.bool_]]:
    """Each cell of a text column as the `kind` (no category) that it spells, else null; and bool[n]: which do not.

    As `convert`, cell by cell: it takes a column exactly when here no cell is amiss.
    """
    encoded = pc.dictionary_encode(column).combine_chunks()
    words = pa.chunked_array([encoded.dictionary])
    hopeful = pc.match_substring_regex(pc.utf8_trim_whitespace(words), _HOPEFUL[kind])
    places = np.flatnonzero(hopeful.to_numpy())
    values, good = _each(words.take(pa.array(places)), _PARSERS[kind])
    fits = np.zeros(len(words) + 1, dtype=bool)  # the last is for missing cells
    fits[places] = good
    fits[-1] = True
    where = np.full(len(words) + 1, -1)
    where[places] = np.arange(len(places))
    index = pc.fill_null(encoded.indices, len(words)).to_numpy(zero_copy_only=False)
    taken = where[index]
    return values.take(pa.array(taken, mask=taken < 0)), ~fits[index]


def _each(cells: pa.ChunkedArray, parse: Parse) -> tuple[pa.ChunkedArray, NDArray[np.bool_]]:
    """What `parse` makes of each cell, null where it refuses; and bool[n]: which it takes. Found by halving."""
    try:
        return parse(cells), np.ones(len(cells), dtype=bool)
    except pa.ArrowException:
        if len(cells) == 1:
            return pa.chunked_array([pa.nulls(1, parse(cells.slice(0, 0)).type)]), np.zeros(1, dtype=bool)
    half = len(cells) // 2
    (first, good), (second, others) = _each(cells.slice(0, half), parse), _each(cells.slice(half), parse)
    return pa.chunked_array([*first.chunks, *second.chunks]), np.concatenate([good, others])


def bad_cell(name: str, row: int, column: str, cell: object, expected: str, way_out: str) -> DataError:
    """The error for the cell in row `row`, counted from 0 here and from 1 in the message."""
    text = str(cell)
    shown = quoted(text) if isinstance(cell, str) else text[:LONGEST]
    null = f"pass --null {shlex.quote(text)}, " if len(text) <= LONGEST and text.isprintable() else ""
    return DataError(
        f"{name} row {row + 1}: {bare(column)} is {shown}, expected {expected}; fix the cell, {null}or {way_out}"
    )


def keep_as_text(column: str) -> str:
    """The way out of an error for someone who means a column to be text."""
    return f"--kind {shlex.quote(f'{column}=category')} to keep it as text"


def _first_bad(column: pa.ChunkedArray, parse: Parse) -> int:
    """The first row that `parse` refuses, given that it refuses the column: found by halving, not row by row."""
    good, end = 0, len(column)  # `parse` takes the rows before `good` and refuses those before `end`
    while end - good > 1:
        middle = (good + end) // 2
        cells = column.slice(good, middle - good)
        try:
            if cells.null_count < len(cells):
                parse(cells)
            good = middle
        except pa.ArrowException:
            end = middle
    return good


def _number(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        raise pa.ArrowInvalid("a time is no number")
    if pa.types.is_string(column.type):
        return without_nan(pc.cast(pc.utf8_trim_whitespace(column), pa.float64()))
    return pc.cast(column, pa.float64(), safe=False)  # whole numbers past 2^53 are rounded


def _integer(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        raise pa.ArrowInvalid("a time is no number")
    if pa.types.is_string(column.type):
        whole = pc.replace_substring_regex(pc.utf8_trim_whitespace(column), r"^\+?(-?\d+)(\.0*)?$", r"\1")
        return pc.cast(whole, pa.int64())
    return pc.cast(column, pa.int64())


def _boolean(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_string(column.type):
        return pc.cast(pc.utf8_trim_whitespace(column), pa.bool_())
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        truths = pc.is_in(column, value_set=pa.array([0, 1, None]).cast(column.type))
        if not pc.all(truths).as_py():
            raise pa.ArrowInvalid("Arrow would take every number but 0 for true")
    return pc.cast(column, pa.bool_())


def _datetime(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Times with a zone are brought to UTC; times without one are in UTC."""
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        raise pa.ArrowInvalid("a number is no time: nobody says in which unit it counts")
    if not pa.types.is_string(column.type):
        return pc.cast(column, UTC_MICROS)
    text = pc.utf8_trim_whitespace(column)
    text = pc.replace_substring_regex(text, r"(\.\d{6})\d+", r"\1")  # Arrow takes six digits for microseconds
    text = pc.replace_substring_regex(text, rf"(:\d\d(?:\.\d+)?) {_ZONE}", r"\1\2")  # and no space before a zone
    zoned = pc.match_substring_regex(text, rf"[ T]\d\d.*{_ZONE}")
    none = pa.scalar(None, pa.string())
    naive = pc.cast(pc.cast(pc.if_else(zoned, none, text), pa.timestamp("us")), UTC_MICROS)
    return pc.coalesce(pc.cast(pc.if_else(zoned, text, none), UTC_MICROS), naive)


def _category(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.cast(column, pa.string())


_PARSERS: dict[Kind, Parse] = {
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "datetime": _datetime,
    "category": _category,
}
_TYPES: dict[Kind, pa.DataType] = {
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "datetime": UTC_MICROS,
    "category": pa.string(),
}
