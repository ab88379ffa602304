"""A table batch by batch as a contract reads it: only the contract's columns, with bad cells left in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from fasttrack.contract.schema import Contract, Kind
    from fasttrack.data import Source

__all__ = ["TableBatches", "read_batches"]


@dataclass(frozen=True)
class TableBatches:
    """The batches of a table, and what `check` needs to know of it."""

    batches: Iterator[pa.Table]
    untyped: frozenset[str]
    """Columns of a format without types: a cell is what its text spells."""
    unread: tuple[str, ...]
    """Columns that the table has and the batches lack."""


def read_batches(source: Source, contract: Contract, kinds: Mapping[str, Kind]) -> TableBatches:
    """The batches of `source`; `kinds` are as for a training. Raises DataError as `Source` does.

    The columns of a text file stay text, because parsing them would stop at the first bad cell.
    """
    columns = [name for name in source.names if name in contract.names] or source.names[:1]
    contract_kinds = {column.name: column.kind for column in contract.columns}
    untyped = {
        name: contract_kinds[name]
        for name in columns
        if source.untyped and name in contract_kinds and name not in kinds
    }
    scan = source.scan(kinds=kinds, columns=columns, text_columns=untyped)
    unread = tuple(name for name in source.names if name not in columns)
    return TableBatches(scan.batches(), frozenset(untyped), unread)
