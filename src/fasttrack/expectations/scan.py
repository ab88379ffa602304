"""A table, wherever it is, in parts, as a contract reads it: of its own columns only, and with bad cells in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from fasttrack.contract.schema import Contract, Kind
    from fasttrack.data import Source

__all__ = ["Parts", "read_parts"]


@dataclass(frozen=True)
class Parts:
    """The parts of a table, with what `check` is to know of it."""

    batches: Iterator[pa.Table]
    written: frozenset[str]
    """Columns whose cells are text as a text file has them."""
    others: tuple[str, ...]
    """Columns that the table has and the parts lack."""


def read_parts(source: Source, contract: Contract, kinds: Mapping[str, Kind]) -> Parts:
    """The parts of `source`; `kinds` as for a training. Raises DataError as `Source`.

    Of a text file the columns stay text: a reading of it would stop at the first cell that is not as the others.
    """
    wanted = [name for name in source.names if name in contract.names] or source.names[:1]
    of_contract = {column.name: column.kind for column in contract.columns}
    unread = {name: of_contract[name] for name in wanted if name in of_contract and name not in kinds}
    scan = source.scan(kinds=kinds, columns=wanted, unread=unread if source.written else {})
    others = tuple(name for name in source.names if name not in wanted)
    return Parts(scan.batches(), frozenset(unread) if source.written else frozenset(), others)
