"""Reading the table of a training: only the columns that it needs, wherever the table is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.data import Source, TextRules, table_from_frame
from fasttrack.errors import DataError
from fasttrack.suggestions import names_hint
from fasttrack.training.table import check_columns
from fasttrack.urls import resolve_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from fasttrack.config import TrainConfig

__all__ = ["check_split_column", "read_training_table"]


def read_training_table(config: TrainConfig) -> tuple[pa.Table, list[str], list[str]]:
    """The table, the names of the ignored columns that were not read, and notes on how it was read.

    Raises DataError when it cannot be read, or has no target, ignored or split column of the configured name.
    """
    data = config.data
    if config.frame is not None:
        rules = TextRules(tuple(data.nulls), data.default_nulls, data.dates, privacy=config.privacy.rule)
        return table_from_frame(config.frame, kinds=data.kinds, rules=rules), [], []
    source = Source(
        resolve_path(data.source, config.folder),
        nulls=data.nulls,
        default_nulls=data.default_nulls,
        dates=data.dates,
        privacy=config.privacy.rule,
        query=data.query,
        table=data.table,
        reading=data.reading,
    )
    needed = (data.target, *data.ignore, *([data.weight] if data.weight else []))
    try:
        check_columns(source.names, needed, source.name)
    except DataError as error:  # another sheet may have the column
        notes = "; ".join(source.notes)
        raise DataError(f"{error} ({notes})" if notes else str(error)) from None
    check_split_column(config, source.names, source.name)
    unread = [column for column in data.ignore if column not in (data.target, config.split.column)]
    columns = [column for column in source.names if column not in unread]
    table = source.read(kinds=data.kinds, columns=columns, rows=data.rows, seed=config.split.seed)
    return table, unread, source.notes


def check_split_column(config: TrainConfig, names: Sequence[str], table: str) -> None:
    """Raise DataError when the column to split by is not among the `names` of the columns of `table`."""
    column = config.split.column
    if column is not None and column not in names:
        raise DataError(f"{table} has no column {column!r} to split by{names_hint(column, names)}")
