"""What a check finds: by column and reason how many rows, and where the first of them are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fasttrack.config import CheckReason
from fasttrack.data.names import bare, quoted
from fasttrack.metrics.psi import DRIFT

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["Example", "Finding", "Findings", "counted"]


def counted(rows: int, share: float) -> str:
    """So many rows, and their share of all, 0 to 1, which is 0 % only of none."""
    shown = f"{share:.1%}" if share >= 0.001 or not rows else "< 0.1%"
    return f"{rows:,} row{'s' * (rows != 1)}, {shown}"


class Example(msgspec.Struct, frozen=True):
    """One cell: its row, counted from 1 as in messages on tables, and what stands there (`None`: nothing)."""

    row: int
    cell: str | bool | int | float | None

    def __str__(self) -> str:
        if self.cell is None:
            return f"row {self.row}"
        return f"row {self.row} is {quoted(self.cell) if isinstance(self.cell, str) else self.cell}"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What is odd about a column in `rows` rows, a `share` of all, 0 to 1.

    `breaks`: a request with such a cell is refused. `examples`: the first rows, each with another cell.
    """

    column: str
    reason: CheckReason
    breaks: bool
    rows: int
    share: float
    message: str
    examples: list[Example] = []

    def __str__(self) -> str:
        where = f", {self.examples[0]}" if self.examples else ""
        return f"{bare(self.column)}: {self.message} ({counted(self.rows, self.share)}{where})"


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in `rows` rows.

    `broken`: rows that a request would be refused for. `warned`: other rows with an unseen category or a number outside
    the training range. `psi`: the population stability index by column, of those that are watched, where there are
    rows enough to tell.
    """

    rows: int
    broken: int
    warned: int
    findings: list[Finding]
    psi: dict[str, float]

    @property
    def breaking(self) -> list[Finding]:
        """Those that requests are refused for."""
        return [one for one in self.findings if one.breaks]

    @property
    def drifted(self) -> list[str]:
        """The columns that have drifted, the most first."""
        return sorted((name for name, psi in self.psi.items() if psi > DRIFT.value), key=lambda name: -self.psi[name])

    def as_json(self, source: str, label: str) -> str:
        """For machines: the table's name, the model's label, and all findings, by row numbers and without any cell."""
        content = {
            "source": source,
            "model": label,
            "rows": self.rows,
            "rows_refused": self.broken,
            "rows_warned": self.warned,
            "findings": [
                {
                    "column": one.column,
                    "reason": one.reason,
                    "breaks": one.breaks,
                    "rows": one.rows,
                    "share": one.share,
                    "message": one.message,
                    "first_rows": [example.row for example in one.examples],
                }
                for one in self.findings
            ],
            "psi": self.psi,
        }
        return msgspec.json.format(msgspec.json.encode(content), indent=2).decode()

    def beyond(self, reasons: Collection[CheckReason], share: float) -> list[Finding]:
        """The findings of these reasons in more than this share of the rows."""
        return [one for one in self.findings if one.reason in reasons and one.share > share]
