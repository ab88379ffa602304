"""How a message shows names and cells: on one line, however odd they are, with the near ones where a name is wrong."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LONGEST", "bare", "near", "quoted"]

LONGEST = 40
"""Characters of a cell that a message shows."""


def bare(name: str) -> str:
    """A column's name as it is, or quoted where a reader would lose it: empty, or with spaces or control characters."""
    return name if name and name.isprintable() and " " not in name else json.dumps(name, ensure_ascii=False)


def quoted(cell: str) -> str:
    """A cell's text in double quotes, on one line, cut at 40 characters."""
    return json.dumps(cell if len(cell) <= LONGEST else cell[: LONGEST - 1] + "…", ensure_ascii=False)


def near(wanted: str, there: Iterable[str], *, alike: float = 0.6) -> str:
    """`; did you mean …?` with the names most like `wanted`, or nothing; `alike` of 1 asks for the same letters."""
    folded = {name.casefold(): name for name in sorted(there, reverse=True)}
    found = difflib.get_close_matches(wanted.casefold(), list(folded), n=3, cutoff=alike)
    return f"; did you mean {' or '.join(folded[name] for name in found)}?" if found else ""
