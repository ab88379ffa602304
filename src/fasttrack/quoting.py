"""How messages show column names and cells: on one line, whatever they contain."""

from __future__ import annotations

import json

__all__ = ["LONGEST_CELL", "column_label", "quote_cell"]

LONGEST_CELL = 40
"""The most characters of a cell that a message shows."""


def column_label(name: str) -> str:
    """A column's name, in quotes if a reader could not tell where it ends: empty, with spaces or control characters."""
    return name if name and name.isprintable() and " " not in name else json.dumps(name, ensure_ascii=False)


def quote_cell(cell: str) -> str:
    """A cell's text in double quotes, on one line, cut at 40 characters."""
    return json.dumps(cell if len(cell) <= LONGEST_CELL else cell[: LONGEST_CELL - 1] + "…", ensure_ascii=False)
