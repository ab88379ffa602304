"""A part of a table: a file of a set, or the rows of a query; every source is a list of these."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Kind

    Rows = Mapping[int, NDArray[np.int64]]
    """Group of rows → the rows that are wanted of it, counted from its first, in order."""

__all__ = ["AT_ONCE", "Part"]

AT_ONCE = 65_536
"""Rows that a batch has at most."""


class Part(ABC):
    """Rows with one set of columns, in the types in which they are stored. All methods raise DataError."""

    name: str
    """For messages."""
    written = False
    """Whether its cells are text that no type is written beside, as in CSV."""

    @abstractmethod
    def names(self) -> list[str]:
        """All its columns, without reading the rows where the format allows."""

    def schema(self, kinds: Mapping[str, Kind], columns: Sequence[str] | None) -> pa.Schema | None:
        """What `tables` will give; `None` where only reading all rows tells."""
        return None

    def groups(self) -> Sequence[int] | None:
        """The sizes of groups of rows of which each can be read for itself; `None` where there are none."""
        return None

    @abstractmethod
    def tables(
        self, kinds: Mapping[str, Kind], columns: Sequence[str] | None, rows: Rows | None = None
    ) -> Iterator[pa.Table]:
        """The rows in order, of the columns that are named, or of all; `rows` are some of the groups'."""
