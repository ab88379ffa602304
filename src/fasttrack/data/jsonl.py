"""JSON Lines, and a JSON array of objects → Arrow."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.json as pj

from fasttrack.data.kinds import bad_cell, keep_as_text, recognise
from fasttrack.data.text import checked_text
from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fasttrack.contract.schema import Kind

__all__ = ["json_names", "read_json"]

_LARGEST_BLOCK = 2**31 - 1
_CHANGED = re.compile(r"Column\(/(.*?)\) changed from (\w+) to \w+ in row (\d+)", re.DOTALL)
_EXPECTED = {
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "an array",
    "object": "an object",
}
_REASONS = {"specified twice": "has a key twice", "too big": "holds a number past 64-bit floats"}


class _Object(msgspec.Struct):
    """Any JSON object: its members are checked, and skipped."""


def json_names(content: bytes, name: str) -> list[str]:
    """The keys of all rows, in the order in which they come. Raises DataError as `read_json`."""
    decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
    names: dict[str, None] = {}
    for row in _rows(content, name):
        if row and not row.isspace():
            names.update(dict.fromkeys(decode(row)))
    return list(names)


def read_json(
    content: bytes,
    name: str,
    nulls: Sequence[str],
    kinds: Mapping[str, Kind],
    columns: Sequence[str] | None = None,
) -> pa.Table:
    """The table in one object a line, or in one array of objects; a key that a row lacks is a missing value.

    Columns in `kinds` become text, as they are written; only `columns` are kept, if given. Raises DataError naming the
    line that is no object, and the row where a column changes its type.
    """
    rows = _rows(content, name)
    if nulls or kinds:
        rows = _reworded(rows, nulls, kinds)
    whole = b"\n".join(rows)
    try:
        # one block: a column that holds only nulls at first must not settle the type of what follows
        options = pj.ReadOptions(block_size=min(len(whole) + 1, _LARGEST_BLOCK))
        table = pj.read_json(pa.BufferReader(whole), read_options=options)
    except pa.ArrowException as error:
        raise _fault(rows, name, str(error)) from None
    if columns is not None:
        table = table.select(columns)
    for index, field in enumerate(table.schema):
        if pa.types.is_string(field.type) and field.name not in kinds:
            # text that is a number stays text here: who writes JSON leaves out the quotes around a number
            table = table.set_column(index, field.name, recognise(table.column(index), field.name, name, ["datetime"]))
    return table


def _rows(content: bytes, name: str) -> list[bytes]:
    content = checked_text(content, name)
    if content.lstrip().startswith(b"["):
        rows, unit = _elements(content, name), "row"
    else:
        rows, unit = content.split(b"\n"), "line"
    if not rows:
        raise DataError(f"{name} has no rows; check that it is the table you mean")
    _check(rows, unit, name)
    return rows


def _elements(content: bytes, name: str) -> list[bytes]:
    try:
        rows = msgspec.json.decode(content, type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError) as error:
        raise DataError(f"{name} is no JSON array of objects ({error}); mend it, or write one object a line") from None
    return [bytes(row).replace(b"\n", b" ") for row in rows]  # a string in JSON holds no bare newline


def _check(rows: Sequence[bytes], unit: str, name: str) -> None:
    """Arrow takes what is no JSON without a word, and nesting past its stack ends the process."""
    decoder = msgspec.json.Decoder(_Object)
    for number, row in enumerate(rows, start=1):
        try:
            if row and not row.isspace():
                decoder.decode(row)
        except msgspec.ValidationError:
            raise DataError(f"{name} {unit} {number} is no JSON object; each {unit} must be one") from None
        except (msgspec.DecodeError, RecursionError) as error:
            advice = "write null for a missing value" if b"NaN" in row else "mend or remove it"
            reason = str(error).removeprefix("JSON is malformed: ")
            raise DataError(f"{name} {unit} {number} is not valid JSON ({reason}); {advice}") from None


def _reworded(rows: Sequence[bytes], nulls: Sequence[str], kinds: Mapping[str, Kind]) -> list[bytes]:
    """The rows with null for each cell that is written as one of `nulls`, and text for each in a column of `kinds`."""
    missing = {b"null"}
    for null in nulls:
        missing |= {null.encode(), msgspec.json.encode(null), json.dumps(null).encode()}
    decode, encode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode, msgspec.json.encode
    reworded = []
    for row in rows:
        if not row or row.isspace():
            continue
        cells = decode(row)
        for column, raw in cells.items():
            written = bytes(raw)
            if written in missing:
                cells[column] = msgspec.Raw(b"null")
            elif column in kinds and not written.startswith(b'"'):
                cells[column] = msgspec.Raw(encode(written.decode()))
        reworded.append(encode(cells))
    return reworded


def _fault(rows: Sequence[bytes], name: str, error: str) -> DataError:
    changed = _CHANGED.search(error)
    if changed is None:
        place = re.search(r"in row (\d+)", error)
        where = f"{name} row {int(place[1]) + 1}" if place else name
        reason = next((reason for sign, reason in _REASONS.items() if sign in error), "cannot be read as a row")
        return DataError(f"{where} {reason}; mend or remove it")
    column, before, row = changed[1], changed[2], int(changed[3])
    held = [line for line in rows if line and not line.isspace()]
    cells = msgspec.json.decode(held[row])
    if column not in cells:  # a path into a nested one
        return DataError(f"{name} row {row + 1}: {column} was {before} before; write it in one way, or leave it out")
    return bad_cell(name, row, column, cells[column], _EXPECTED[before], keep_as_text(column))
