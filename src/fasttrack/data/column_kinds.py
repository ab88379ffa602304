"""The kinds of columns: converted to what a user says, or inferred from all cells of a text column."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.contract.reading import Reading, read_text
from fasttrack.data.plain_types import UTC_MICROS, nan_to_null
from fasttrack.errors import DataError
from fasttrack.quoting import LONGEST_CELL, column_label, quote_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from fasttrack.contract.schema import Kind

    Parser = Callable[[pa.ChunkedArray], pa.ChunkedArray]
    """A column as another type; raises ArrowException when a cell cannot be converted."""

__all__ = [
    "ARROW_TYPES",
    "KIND_WORDS",
    "PATTERNS",
    "cell_error",
    "convert_kinds",
    "convert_stored",
    "keep_as_text_hint",
    "missing_texts",
    "parse_cells",
    "parse_times",
]

_PAST_INT64 = 2**63
_ZONE = r"(Z|[+-]\d\d(:?\d\d)?)$"
PATTERNS: dict[Kind, str] = {
    "number": r"^[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|(?i:inf(inity)?))$",
    "datetime": rf"^\d{{4}}-\d\d-\d\d([ T]\d\d(:\d\d(:\d\d(\.\d+)?)?)?( ?{_ZONE})?)?$",
}
_POSSIBLE: dict[Kind, str] = {
    "number": r"^[+-]?(\d|\.\d|(?i:inf|nan))",
    "integer": r"^[+-]?\d",
    "boolean": r"^((?i:true|false)|[01])$",
    "datetime": r"^\d{4}-\d\d-\d\d",
}
"""What cells of a kind begin with; only such cells are parsed."""
KIND_WORDS: dict[Kind, str] = {
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "datetime": "a date or time",
    "category": "text",
    "text": "text",
}
"""A cell of each kind, as messages call it."""


def convert_kinds(table: pa.Table, kinds: Mapping[str, Kind], name: str, first_row: int = 0) -> pa.Table:
    """`table` with each column in `kinds` converted to that kind. Raises DataError naming the first cell that is not.

    `first_row` is the row of the table called `name` at which `table` begins, counted from 0.
    """
    for column_name, kind in kinds.items():
        index = table.column_names.index(column_name)
        column = table.column(index)
        parse = _PARSERS[kind]
        if column.null_count == len(column):  # an empty column is of any kind
            table = table.set_column(index, column_name, pa.nulls(len(column), ARROW_TYPES[kind]))
            continue
        try:
            table = table.set_column(index, column_name, parse(column))
        except pa.ArrowException:
            row = _first_refused(column, parse)
            hint = f"leave out --kind {shlex.quote(f'{column_name}={kind}')}"
            raise cell_error(name, first_row + row, column_name, column[row].as_py(), KIND_WORDS[kind], hint) from None
    return table


def _is_read_later(type_: pa.DataType, kind: Kind) -> bool:
    """Whether a whole column is looked at first: text, and whole numbers such as 20120131 that are to be dates."""
    return pa.types.is_string(type_) or (kind == "datetime" and pa.types.is_integer(type_))


def convert_stored(table: pa.Table, kinds: Mapping[str, Kind], name: str, first_row: int = 0) -> pa.Table:
    """As `convert_kinds`, but text stays text, and whole numbers that are to be dates stay numbers.

    Both are read later, when the whole column is known.
    """
    stored = {
        column: kind
        for column, kind in kinds.items()
        if column in table.column_names and not _is_read_later(table.schema.field(column).type, kind)
    }
    return convert_kinds(table, stored, name, first_row)


def parse_cells(
    column: pa.ChunkedArray, kind: Kind, reading: Reading | None = None
) -> tuple[pa.ChunkedArray, NDArray[np.bool_]]:
    """A text column cell by cell as `kind`: the values, null for a cell that is missing or not of the kind.

    The second result is bool[n]: which cells are not of the kind. Without a `reading` there is none exactly when
    `convert_kinds` takes the column.
    """
    encoded = pc.dictionary_encode(column).combine_chunks()
    words = pa.chunked_array([encoded.dictionary])
    is_missing = np.zeros(len(words), dtype=bool)
    if reading is not None:
        is_missing = missing_texts(words, reading).to_numpy()
    candidates = np.flatnonzero(~is_missing)
    if reading is not None and (reading.number is not None or reading.dates is not None):
        possible = candidates
        values, parsed = _parse_notation(words.take(pa.array(possible)), kind, reading)
    else:
        trimmed = pc.utf8_trim_whitespace(words)
        likely = pc.match_substring_regex(trimmed, _POSSIBLE[kind]).to_numpy() if kind in _POSSIBLE else True
        possible = np.flatnonzero(~is_missing & likely)
        values, parsed = _parse_each(words.take(pa.array(possible)), _PARSERS[kind])
    fits = np.zeros(len(words) + 1, dtype=bool)  # the last is for missing cells
    fits[possible] = parsed
    fits[:-1] |= is_missing
    fits[-1] = True
    value_of_word = np.full(len(words) + 1, -1)
    value_of_word[possible] = np.arange(len(possible))
    word_of_cell = pc.fill_null(encoded.indices, len(words)).to_numpy(zero_copy_only=False)
    value_of_cell = value_of_word[word_of_cell]
    return values.take(pa.array(value_of_cell, mask=value_of_cell < 0)), ~fits[word_of_cell]


def missing_texts(cells: pa.ChunkedArray, reading: Reading) -> pa.ChunkedArray:
    """Boolean for each text cell: whether it means a missing value."""
    nulls = pa.array(sorted(reading.missing_texts), pa.string())
    return pc.is_in(pc.utf8_trim_whitespace(cells), value_set=nulls)


def _parse_notation(cells: pa.ChunkedArray, kind: Kind, reading: Reading) -> tuple[pa.ChunkedArray, NDArray[np.bool_]]:
    """Each cell read in the column's notation, null where it is not in it; and bool[n]: which cells are."""
    values: list[float | None] = []
    for text in cells.to_pylist():
        try:
            value = read_text(kind, reading, text)
            is_right = kind != "integer" or (value.is_integer() and abs(value) < _PAST_INT64)
            values.append(value if is_right else None)
        except ValueError:
            values.append(None)
    parsed = np.array([value is not None for value in values], dtype=bool)
    if kind == "datetime":
        micros = [None if value is None else round(value * 1_000_000) for value in values]
        return pa.chunked_array([pa.array(micros, pa.int64()).cast(UTC_MICROS)]), parsed
    numbers = pa.array(values, pa.float64())
    return pa.chunked_array([numbers.cast(pa.int64()) if kind == "integer" else numbers]), parsed


def _parse_each(cells: pa.ChunkedArray, parse: Parser) -> tuple[pa.ChunkedArray, NDArray[np.bool_]]:
    """Each cell parsed, null where `parse` refuses it; and bool[n]: which it takes. By halving, not cell by cell."""
    try:
        return parse(cells), np.ones(len(cells), dtype=bool)
    except pa.ArrowException:
        if len(cells) == 1:
            return pa.chunked_array([pa.nulls(1, parse(cells.slice(0, 0)).type)]), np.zeros(1, dtype=bool)
    half = len(cells) // 2
    values, parsed = _parse_each(cells.slice(0, half), parse)
    more_values, more_parsed = _parse_each(cells.slice(half), parse)
    return pa.chunked_array([*values.chunks, *more_values.chunks]), np.concatenate([parsed, more_parsed])


def parse_times(column: pa.ChunkedArray, column_name: str, name: str, first_row: int = 0) -> pa.ChunkedArray:
    """A column of ISO 8601 text as times. Raises DataError naming the first other cell, as `convert_kinds`."""
    try:
        return _datetime(column)
    except pa.ArrowException:  # a date such as 2013-02-30
        row = _first_refused(column, _datetime)
        cell, hint = column[row].as_py(), keep_as_text_hint(column_name)
        raise cell_error(name, first_row + row, column_name, cell, KIND_WORDS["datetime"], hint) from None


def cell_error(
    name: str, row: int, column: str, cell: object, expected: str, hint: str, *, may_be_missing: bool = True
) -> DataError:
    """The error for the cell in row `row`, which counts from 0 here and from 1 in the message; `hint`: what to do.

    `may_be_missing`: whether to advise reading the cell as a missing value.
    """
    text = str(cell)
    quoted = quote_cell(text) if isinstance(cell, str) else text[:LONGEST_CELL]
    null = (
        f"pass --null {shlex.quote(text)}, "
        if may_be_missing and len(text) <= LONGEST_CELL and text.isprintable()
        else ""
    )
    return DataError(
        f"{name} row {row + 1}: {column_label(column)} is {quoted}, expected {expected}; fix the cell, {null}or {hint}"
    )


def keep_as_text_hint(column: str) -> str:
    """What to do for someone who means a column to be text."""
    return f"--kind {shlex.quote(f'{column}=category')} to keep it as text"


def _first_refused(column: pa.ChunkedArray, parse: Parser) -> int:
    """The first row that `parse` refuses, in a column that it refuses; by halving, not row by row."""
    accepted, end = 0, len(column)  # `parse` takes the rows before `accepted` and refuses those before `end`
    while end - accepted > 1:
        middle = (accepted + end) // 2
        cells = column.slice(accepted, middle - accepted)
        try:
            if cells.null_count < len(cells):
                parse(cells)
            accepted = middle
        except pa.ArrowException:
            end = middle
    return accepted


def _number(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        raise pa.ArrowInvalid("a time is not a number")
    if pa.types.is_string(column.type):
        return nan_to_null(pc.cast(pc.utf8_trim_whitespace(column), pa.float64()))
    return pc.cast(column, pa.float64(), safe=False)  # whole numbers beyond 2^53 are rounded


def _integer(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        raise pa.ArrowInvalid("a time is not a number")
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
            raise pa.ArrowInvalid("only 0 and 1 are booleans; Arrow would take every other number for true")
    return pc.cast(column, pa.bool_())


def _datetime(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Times with a zone are converted to UTC; times without one are taken as UTC."""
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        raise pa.ArrowInvalid("a number is not a time: its unit is unknown")
    if not pa.types.is_string(column.type):
        return pc.cast(column, UTC_MICROS)
    text = pc.utf8_trim_whitespace(column)
    text = pc.replace_substring_regex(text, r"(\.\d{6})\d+", r"\1")  # Arrow takes at most six digits as microseconds
    text = pc.replace_substring_regex(text, rf"(:\d\d(?:\.\d+)?) {_ZONE}", r"\1\2")  # and no space before a zone
    zoned = pc.match_substring_regex(text, rf"[ T]\d\d.*{_ZONE}")
    none = pa.scalar(None, pa.string())
    naive = pc.cast(pc.cast(pc.if_else(zoned, none, text), pa.timestamp("us")), UTC_MICROS)
    return pc.coalesce(pc.cast(pc.if_else(zoned, text, none), UTC_MICROS), naive)


def _category(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.cast(column, pa.string())


_PARSERS: dict[Kind, Parser] = {
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "datetime": _datetime,
    "category": _category,
    "text": _category,
}
ARROW_TYPES: dict[Kind, pa.DataType] = {
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "datetime": UTC_MICROS,
    "category": pa.string(),
    "text": pa.string(),
}
