"""A part of a table: one file of several, or the rows of a query. Every source is a list of parts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Kind

    GroupRows = Mapping[int, NDArray[np.int64]]
    """Number of a row group → the rows to read of it, counted from its first row, ascending."""

__all__ = ["BATCH_ROWS", "TablePart", "collect_notes"]

BATCH_ROWS = 65_536
"""The most rows of a batch."""


class TablePart(ABC):
    """Rows with one set of columns, in the types in which they are stored. All methods raise DataError."""

    name: str
    """For messages."""
    untyped = False
    """Whether the format stores text without types, as CSV does: a cell is then what its text spells."""
    notes: Sequence[str] = ()
    """Notes on how it was read, such as rows that were left out; complete once the rows are read."""

    @abstractmethod
    def column_names(self) -> list[str]:
        """All its columns; the rows are not read where the format allows that."""

    def schema(self, kinds: Mapping[str, Kind], columns: Sequence[str] | None) -> pa.Schema | None:
        """The schema of the batches; `None` if it is known only after all rows are read."""
        return None

    def group_sizes(self) -> Sequence[int] | None:
        """The number of rows of each row group that can be read by itself; `None` if the format has no groups."""
        return None

    @abstractmethod
    def batches(
        self, kinds: Mapping[str, Kind], columns: Sequence[str] | None, rows: GroupRows | None = None
    ) -> Iterator[pa.Table]:
        """The rows in order, at most `BATCH_ROWS` at a time.

        `kinds` says what columns are where that changes how they are read. `columns` limits the columns (default: all),
        `rows` the rows, where there are row groups.
        """


def collect_notes(parts: Sequence[TablePart]) -> list[str]:
    """The notes of all parts; of several, each names the first part that has it and says how many more have it."""
    names: dict[str, list[str]] = {}
    for part in parts:
        for note in part.notes:
            names.setdefault(note, []).append(part.name)
    if len(parts) == 1:
        return list(names)
    return [f"{_first_and_more(having)}: {note}" for note, having in names.items()]


def _first_and_more(names: Sequence[str]) -> str:
    more = len(names) - 1
    return f"{names[0]} and {more:,} more file{'s' * (more > 1)}" if more else names[0]
