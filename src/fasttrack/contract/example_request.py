"""Whether an example row is short enough to be shown whole where people read it, and its beginning where it is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fasttrack.contract.openapi import example_row

if TYPE_CHECKING:
    from fasttrack.contract.schema import Contract

__all__ = ["beginning_of_row", "is_wide"]

_MOST_COLUMNS = 20
"""A row of more columns does not fit a screen with one column a line."""
_MOST_CHARACTERS = 2_000
_FIRST = 3


def is_wide(contract: Contract) -> bool:
    """Whether the example row is too long to be shown whole, so that readers are told where to get it."""
    return len(contract.columns) > _MOST_COLUMNS or len(json.dumps(example_row(contract))) > _MOST_CHARACTERS


def beginning_of_row(contract: Contract) -> str:
    """The first columns of the example row as JSON, and how many follow: `{"a": 1, "b": 2, "c": 3, … 97 more}`."""
    row = list(example_row(contract).items())
    first = json.dumps(dict(row[:_FIRST]), ensure_ascii=False)
    return f"{first[:-1]}, … {len(row) - _FIRST:,} more}}" if len(row) > _FIRST else first
