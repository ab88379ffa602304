"""The header of a table: whether the first row is one, and names for columns that have none."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["check_header", "is_unnamed", "numbered_names", "position_name"]

_NUMBER = re.compile(r"[+-]?(\d[\d,' ]*\.?\d*|\.\d+)([eE][+-]?\d+)?%?")
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}.*|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}.*")
_MISSING = frozenset(("", "?", "-", "na", "n/a", "nan", "null", "none"))


def check_header(header: Sequence[str], columns: Sequence[Sequence[str]], name: str) -> None:
    """Raise DataError when the first row looks like the other rows; `columns` has some cells below each of its cells.

    It does if no cell names a column of numbers or dates, and at least two cells, and at least half of all, are what
    is below them: a number above numbers, a date above dates, or a word that its column repeats. Numbers that only
    rise or fall, such as years, are names.
    """
    if len(header) < 2 or not any(len(column) for column in columns):
        return
    kinds = [_kind(cell, column) for cell, column in zip(header, columns, strict=True)]
    if "name" in kinds:
        return
    data = [kind for kind in kinds if kind != "unknown"]
    numbers = [float(re.sub(r"[,' %]", "", cell)) for cell, kind in zip(header, kinds, strict=True) if kind == "number"]
    only_numbers = len(numbers) == len(data)
    if len(data) < 2 or 2 * len(data) < len(header) or (only_numbers and _is_monotone(numbers)):
        return
    raise DataError(
        f"{name} seems to have no header: its first row looks like the other rows; "
        "pass --header no to call the columns column_1, column_2, …, or --header yes if these are names"
    )


def is_unnamed(cell: str) -> bool:
    """Whether a cell of the header is empty."""
    return not cell.strip()


def position_name(position: int) -> str:
    """The name of a column that has none; `position` counts from 0 here and from 1 in the name."""
    return f"column_{position + 1}"


def numbered_names(columns: int) -> list[str]:
    """The names of the columns of a table without a header."""
    return [position_name(position) for position in range(columns)]


def _kind(cell: str, column: Sequence[str]) -> str:
    """number, date or word if the header's cell is what its column has; `name` if it differs from numbers or dates."""
    cell = cell.strip()
    values = [value.strip() for value in column if value.strip().lower() not in _MISSING]
    if not values or cell.lower() in _MISSING:
        return "unknown"
    for kind, pattern in (("number", _NUMBER), ("date", _DATE)):
        if all(pattern.fullmatch(value) for value in values):
            return kind if pattern.fullmatch(cell) else "name"
    return "word" if cell in values else "unknown"


def _is_monotone(numbers: Sequence[float]) -> bool:
    steps = [later - earlier for earlier, later in pairwise(numbers)]
    return all(step > 0 for step in steps) or all(step < 0 for step in steps)
