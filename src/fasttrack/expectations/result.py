"""The result of a check: for each column and reason, how many rows there are, and the first of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fasttrack.config import CheckReason
from fasttrack.metrics.drift_thresholds import DRIFT
from fasttrack.quoting import column_label, quote_cell

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["CheckResult", "Example", "Finding", "format_rows"]


def format_rows(rows: int, share: float) -> str:
    """`1,200 rows, 3.4%`, of a share from 0 to 1; 0.0% stands for no row only."""
    percent = f"{share:.1%}" if share >= 0.001 or not rows else "< 0.1%"
    return f"{rows:,} row{'s' * (rows != 1)}, {percent}"


class Example(msgspec.Struct, frozen=True):
    """One cell: its row, counted from 1 as in messages about tables, and its value (`None`: missing)."""

    row: int
    cell: str | bool | int | float | None

    def __str__(self) -> str:
        if self.cell is None:
            return f"row {self.row}"
        return f"row {self.row} is {quote_cell(self.cell) if isinstance(self.cell, str) else self.cell}"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What is unexpected about a column in `rows` rows, a `share` of all from 0 to 1."""

    column: str
    reason: CheckReason
    breaks: bool
    """Whether a request with such a cell is refused."""
    rows: int
    share: float
    message: str
    examples: list[Example] = []
    """The first rows, each with another cell."""

    def __str__(self) -> str:
        first = f", {self.examples[0]}" if self.examples else ""
        return f"{column_label(self.column)}: {self.message} ({format_rows(self.rows, self.share)}{first})"


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a check of `rows` rows found."""

    rows: int
    broken: int
    """Rows that would be refused as a request."""
    warned: int
    """Other rows with an unseen category or a number outside the training range."""
    findings: list[Finding]
    psi: dict[str, float]
    """The population stability index of each watched column that has enough rows for it."""

    @property
    def breaking(self) -> list[Finding]:
        """The findings for which requests are refused."""
        return [finding for finding in self.findings if finding.breaks]

    @property
    def drifted(self) -> list[str]:
        """The columns that have drifted, the most drifted first."""
        return sorted((name for name, psi in self.psi.items() if psi > DRIFT.value), key=lambda name: -self.psi[name])

    def as_json(self, source: str, label: str) -> str:
        """For programs: the table's address, the model's label, and all findings, with row numbers but no cells."""
        content = {
            "source": source,
            "model": label,
            "rows": self.rows,
            "rows_refused": self.broken,
            "rows_warned": self.warned,
            "findings": [
                {
                    "column": finding.column,
                    "reason": finding.reason,
                    "breaks": finding.breaks,
                    "rows": finding.rows,
                    "share": finding.share,
                    "message": finding.message,
                    "first_rows": [example.row for example in finding.examples],
                }
                for finding in self.findings
            ],
            "psi": self.psi,
        }
        return msgspec.json.format(msgspec.json.encode(content), indent=2).decode()

    def beyond(self, reasons: Collection[CheckReason], share: float) -> list[Finding]:
        """The findings for these reasons in more than this share of the rows."""
        return [finding for finding in self.findings if finding.reason in reasons and finding.share > share]
