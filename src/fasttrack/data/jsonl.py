"""JSON Lines files, and files with one JSON array of objects."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.json as pj

from fasttrack.data.column_kinds import cell_error, keep_as_text_hint
from fasttrack.data.number_text import without_mark
from fasttrack.data.text_part import TextFormat, TextPart, decode_utf8
from fasttrack.data.utf8 import utf8_content
from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fasttrack.contract.schema import Kind
    from fasttrack.data.file import TableFile
    from fasttrack.data.request import ReadRequest

__all__ = ["json_part"]

_LARGEST_BLOCK = 2**31 - 1
_NUMBERS = ("number", "integer")
_CHANGED_TYPE = re.compile(r"Column\(/(.*?)\) changed from (\w+) to \w+ in row (\d+)", re.DOTALL)
_TYPE_WORDS = {
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "an array",
    "object": "an object",
}
_ROW_ERRORS = {"specified twice": "has a key twice", "too big": "has a number that a 64-bit float cannot hold"}
"""A part of Arrow's message → what it means."""


class _Object(msgspec.Struct):
    """Any JSON object: its members are checked and skipped."""


def json_part(file: TableFile, request: ReadRequest) -> TextPart[bytes]:
    """A file with one JSON object a line, or one array of objects; a key that a row lacks is a missing value."""
    return TextPart(file, TextFormat(decode_utf8, _column_names, _parse), request)


def _column_names(content: bytes, name: str) -> list[str]:
    """The keys of all rows, in the order in which they first appear."""
    decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
    names: dict[str, None] = {}
    for row in _split_rows(content, name):
        if row and not row.isspace():
            names.update(dict.fromkeys(decode(row)))
    return list(names)


def _parse(
    content: bytes,
    name: str,
    nulls: Sequence[str],
    kinds: Mapping[str, Kind],
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """The rows. Columns in `kinds` become text as the file spells it; `columns` limits the columns.

    Raises DataError naming the line that is not an object, or the row in which a column changes its type.
    """
    rows = _split_rows(content, name)
    if nulls or kinds:
        rows = _replace_cells(rows, nulls, kinds)
    joined = b"\n".join(rows)
    try:
        # one block: a column that begins with nulls must not get its type from them
        options = pj.ReadOptions(block_size=min(len(joined) + 1, _LARGEST_BLOCK))
        table = pj.read_json(pa.BufferReader(joined), read_options=options)
    except pa.ArrowException as error:
        raise _row_error(rows, name, str(error)) from None
    return table if columns is None else table.select(columns)


def _split_rows(content: bytes, name: str) -> list[bytes]:
    content = utf8_content(content, name)
    if content.lstrip().startswith(b"["):
        rows, unit = _array_elements(content, name), "row"
    else:
        rows, unit = content.split(b"\n"), "line"
    if not rows:
        raise DataError(f"{name} has no rows; check that it is the table you mean")
    _check_objects(rows, unit, name)
    return rows


def _array_elements(content: bytes, name: str) -> list[bytes]:
    try:
        rows = msgspec.json.decode(content, type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError) as error:
        raise DataError(
            f"{name} is not a JSON array of objects ({error}); fix it, or write one object a line"
        ) from None
    return [bytes(row).replace(b"\n", b" ") for row in rows]  # a string in JSON contains no bare line break


def _check_objects(rows: Sequence[bytes], unit: str, name: str) -> None:
    """Raise DataError for the first row that is not a JSON object.

    Arrow accepts some that are not valid JSON, and nesting that exceeds its stack ends the process.
    """
    decoder = msgspec.json.Decoder(_Object)
    for number, row in enumerate(rows, start=1):
        try:
            if row and not row.isspace():
                decoder.decode(row)
        except msgspec.ValidationError:
            raise DataError(f"{name} {unit} {number} is not a JSON object; each {unit} must be one") from None
        except (msgspec.DecodeError, RecursionError) as error:
            advice = "write null for a missing value" if b"NaN" in row else "fix or remove it"
            reason = str(error).removeprefix("JSON is malformed: ")
            raise DataError(f"{name} {unit} {number} is not valid JSON ({reason}); {advice}") from None


def _replace_cells(rows: Sequence[bytes], nulls: Sequence[str], kinds: Mapping[str, Kind]) -> list[bytes]:
    """The rows with null for each cell that is spelled as one of `nulls`, and text for each in a column of `kinds`."""
    missing = {b"null"}
    for null in nulls:
        missing |= {null.encode(), msgspec.json.encode(null), json.dumps(null).encode()}
    decode, encode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode, msgspec.json.encode
    replaced = []
    for row in rows:
        if not row or row.isspace():
            continue
        cells = decode(row)
        for column, raw in cells.items():
            spelling = bytes(raw)
            if spelling in missing:
                cells[column] = msgspec.Raw(b"null")
            elif column in kinds and not spelling.startswith(b'"'):
                text = spelling.decode()
                cells[column] = msgspec.Raw(encode(without_mark(text) if kinds[column] in _NUMBERS else text))
        replaced.append(encode(cells))
    return replaced


def _row_error(rows: Sequence[bytes], name: str, error: str) -> DataError:
    """Arrow's error with the row that it is about."""
    changed = _CHANGED_TYPE.search(error)
    if changed is None:
        position = re.search(r"in row (\d+)", error)
        where = f"{name} row {int(position[1]) + 1}" if position else name
        reason = next((reason for part, reason in _ROW_ERRORS.items() if part in error), "cannot be read as a row")
        return DataError(f"{where} {reason}; fix or remove it")
    column, type_before, row = changed[1], changed[2], int(changed[3])
    objects = [line for line in rows if line and not line.isspace()]
    cells = msgspec.json.decode(objects[row])
    if column not in cells:  # the path of a nested value
        return DataError(
            f"{name} row {row + 1}: {column} is {type_before} in earlier rows; write it in one way, or leave it out"
        )
    return cell_error(name, row, column, cells[column], _TYPE_WORDS[type_before], keep_as_text_hint(column))
