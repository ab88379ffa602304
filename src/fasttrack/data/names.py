"""How a message shows names and cells: on one line, whatever they contain."""

from __future__ import annotations

import json

__all__ = ["LONGEST", "bare", "quoted"]

LONGEST = 40
"""Characters of a cell that a message shows."""


def bare(name: str) -> str:
    """A column's name as it is, or quoted where a reader would lose it: empty, or with spaces or control characters."""
    return name if name and name.isprintable() and " " not in name else json.dumps(name, ensure_ascii=False)


def quoted(cell: str) -> str:
    """A cell's text in double quotes, on one line, cut at 40 characters."""
    return json.dumps(cell if len(cell) <= LONGEST else cell[: LONGEST - 1] + "…", ensure_ascii=False)
