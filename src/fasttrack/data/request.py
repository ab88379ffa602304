"""What to read: an address, and for a database the query or the table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fasttrack.contract.reading import DEFAULT_NULLS
from fasttrack.errors import DataError
from fasttrack.reading import DEFAULT_READING, ReadOptions
from fasttrack.urls import redact_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fasttrack.contract.dates import DateOrder

__all__ = ["ReadRequest", "quote_identifier"]


_SELECTING = ("SELECT", "WITH", "VALUES", "TABLE")


@dataclass(frozen=True)
class ReadRequest:
    """A source, how its texts are to be read, and for a database either a query or the name of a table."""

    source: str
    nulls: Sequence[str] = ()
    default_nulls: bool = True
    """Whether DEFAULT_NULLS mean a missing value too, in a format without types."""
    dates: DateOrder | None = None
    """Which of two numbers before a year is the day, where the dates of a column leave it open."""
    query: str | None = None
    table: str | None = None
    reading: ReadOptions = DEFAULT_READING
    """How to read a file."""

    @property
    def untyped_nulls(self) -> list[str]:
        """The spellings of a missing value in a format without types."""
        return [*(DEFAULT_NULLS if self.default_nulls else [""]), *self.nulls]

    def relation(self) -> str:
        """What to write behind FROM to select all that is asked for.

        Raises DataError unless exactly one of query and table is given, and for a query that does not select.
        """
        if (self.query is None) == (self.table is None):
            raise DataError(f"{redact_url(self.source)} is a database: say what to read, with --query or --table")
        if self.query is None:
            return ".".join(quote_identifier(part) for part in str(self.table).split("."))
        begin = re.match(r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(\w*)", self.query, re.DOTALL)
        verb = begin[1] if begin else ""
        if verb.upper() not in _SELECTING:
            raise DataError(
                f"{redact_url(self.source)}: the query begins with {verb or 'nothing'}; give one that selects: SELECT …"
            )
        # the query may end with a comment, which the line break ends
        return f"({self.query.strip().rstrip(';')}\n) AS selected"


def quote_identifier(name: str) -> str:
    """A name in SQL, quoted so that no part of it is read as a statement."""
    return '"' + name.replace('"', '""') + '"'
