"""JSON Lines, and a JSON array of objects → Arrow."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.json as pj

from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["read_json_array", "read_json_lines"]


def read_json_lines(content: bytes, name: str, nulls: Sequence[str], as_text: Sequence[str]) -> pa.Table:
    """One object a line. Raises DataError naming the line that is no object, or where a column changes its type."""
    try:
        # one block: a column that has only nulls at first must not settle the type of what follows
        options = pj.ReadOptions(block_size=len(content) + 1)
        return pj.read_json(io.BytesIO(content), read_options=options)
    except pa.ArrowException as error:
        raise DataError(_first_fault(content, name, str(error))) from None


def read_json_array(content: bytes, name: str, nulls: Sequence[str], as_text: Sequence[str]) -> pa.Table:
    """An array of objects; JSON Lines under this ending are read as such."""
    if not content.lstrip().startswith(b"["):
        return read_json_lines(content, name, nulls, as_text)
    try:
        rows = msgspec.json.decode(content, type=list[dict[str, object]])
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise DataError(f"{name} is no JSON array of objects: {error}") from None
    lines = b"\n".join(msgspec.json.encode(row) for row in rows)
    if not rows:
        raise DataError(f"{name} has no rows; check that it is the file you mean")
    return read_json_lines(lines, name, nulls, as_text)


def _first_fault(content: bytes, name: str, error: str) -> str:
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            if not isinstance(msgspec.json.decode(line), dict):
                return f"{name} line {number} is no JSON object; each line must be one"
        except (msgspec.MsgspecError, UnicodeError):
            return f"{name} line {number} is not valid JSON; mend or remove it"
    changed = re.search(r"Column\(/?(.*?)\) changed from (\w+) to (\w+) in row (\d+)", error)
    if changed:
        column, before, after, row = changed.groups()
        return f"{name} row {int(row) + 1}: {column} is {after}, before it was {before}; write it in one way"
    return f"{name} cannot be read as JSON Lines; write one flat object a line, with the same keys"
