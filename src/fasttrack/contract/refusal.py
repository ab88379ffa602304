"""What is wrong with a request, cell by cell. No message repeats a value that came in, only names of columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

__all__ = ["MAX_LISTED", "CellIssue", "Issues", "Reason", "RefusedRequest"]

Reason = Literal["missing", "type", "range", "unseen"]
"""Why a cell is refused, as it is counted."""

MAX_LISTED = 100
"""How many bad cells, or warnings, a reply lists before it only counts."""


class CellIssue(msgspec.Struct, frozen=True):
    """What is wrong with, or worth knowing about, one cell; `row` counts from 0, `None` means every row."""

    row: int | None
    column: str | None
    message: str


class RefusedRequest(Exception):
    """A request that cannot be scored: it is not JSON, has bad cells, or too many rows.

    `issues` lists the first MAX_LISTED bad cells, `total` counts all of them, `cells` by column and reason.
    """

    def __init__(
        self,
        reason: Literal["malformed", "invalid", "too-many-rows"],
        detail: str,
        issues: Sequence[CellIssue] = (),
        total: int = 0,
        cells: Mapping[tuple[str, str], int] | None = None,
    ) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.issues = list(issues)
        self.total = total
        self.cells = dict(cells or {})


class Issues:
    """Collects issues: keeps the first MAX_LISTED, counts the rest."""

    def __init__(self) -> None:
        self.kept: list[CellIssue] = []
        self.total = 0
        self.cells: dict[tuple[str, str], int] = {}

    def add(self, row: int | None, column: str | None, message: str, reason: Reason | None = None) -> None:
        """Add one issue. With a `reason` it is also counted by column, which must then be one of the contract."""
        self.total += 1
        self._count(column, reason, 1)
        if self.total <= MAX_LISTED:
            self.kept.append(CellIssue(row, column, message))

    def add_rows(self, rows: Sequence[int], column: str, message: str, reason: Reason | None = None) -> None:
        """Add the same issue for each of `rows`."""
        self._count(column, reason, len(rows))
        self.kept.extend(CellIssue(row, column, message) for row in rows[: MAX_LISTED - len(self.kept)])
        self.total += len(rows)

    def add_names(self, names: Iterable[tuple[str, int | None]], message: str) -> None:
        """Add an issue for each name that is not a column, with the first row that has it."""
        for name, row in names:
            self.add(row, shorten(name), message)

    def as_warnings(self) -> list[CellIssue]:
        """The issues that are kept, and how many more there are."""
        if self.total <= MAX_LISTED:
            return self.kept
        return [*self.kept, CellIssue(None, None, f"and {self.total - MAX_LISTED:,} more such warnings")]

    def refuse(self) -> None:
        """Raise RefusedRequest if there is any issue."""
        if not self.total:
            return
        first = self.kept[0]
        row = None if first.row is None else f"row {first.row}"
        column = None if first.column is None else f"column {first.column!r}"
        where = ", ".join(part for part in (row, column) if part)
        more = f" (and {self.total - 1:,} more, listed in errors)" if self.total > 1 else ""
        detail = f"{where}: {first.message}{more}" if where else first.message + more
        raise RefusedRequest("invalid", detail, self.kept, self.total, self.cells)

    def _count(self, column: str | None, reason: Reason | None, number: int) -> None:
        if reason is not None and column is not None:
            self.cells[column, reason] = self.cells.get((column, reason), 0) + number


def shorten(name: str) -> str:
    """A column name that a caller sent, cut to 100 characters."""
    return name if len(name) <= 100 else name[:99] + "…"
