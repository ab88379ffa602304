"""What is to be read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fasttrack.errors import DataError
from fasttrack.urls import redact_url

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Request", "quoted_name"]


_SELECTING = ("SELECT", "WITH", "VALUES", "TABLE")


@dataclass(frozen=True)
class Request:
    """A source, and further spellings of a missing value; of a database a query or the name of a table."""

    source: str
    nulls: Sequence[str] = ()
    query: str | None = None
    table: str | None = None

    def relation(self) -> str:
        """What stands behind FROM in a statement that selects all of it. Raises DataError when nothing is named."""
        if (self.query is None) == (self.table is None):
            raise DataError(f"{redact_url(self.source)} is a database: say what to read, with --query or --table")
        if self.query is None:
            return ".".join(quoted_name(part) for part in str(self.table).split("."))
        begins = re.match(r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(\w*)", self.query, re.DOTALL)
        verb = begins[1] if begins else ""
        if verb.upper() not in _SELECTING:
            raise DataError(
                f"{redact_url(self.source)}: the query begins with {verb or 'nothing'}; give one that selects: SELECT …"
            )
        # its end may be a comment, which ends with the line
        return f"({self.query.strip().rstrip(';')}\n) AS selected"


def quoted_name(name: str) -> str:
    """A name in SQL, in which nothing is a statement."""
    return '"' + name.replace('"', '""') + '"'
