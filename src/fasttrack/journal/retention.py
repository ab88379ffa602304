"""How much the journal stores, and the removal of the oldest predictions and labels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fasttrack.journal.connection import Connection, Dialect

__all__ = ["stored_bytes", "sweep"]

_CHUNKS_PER_LOOK = 500
_LABELS_PER_DELETE = 20_000
_LABEL_BYTES = 70
"""What a label takes on the disk beside its text, with its entries in both indexes: 70 to 80 bytes in SQLite."""
_HAS_NO_PREDICTION = (
    "COALESCE((SELECT start + rows FROM fasttrack_chunks"
    " WHERE fasttrack_chunks.process = fasttrack_labels.process AND start <= number"
    " ORDER BY start DESC LIMIT 1), 0) <= number"
)
"""Condition on a label: the last chunk that starts at or before its number has ended by then, or there is none."""


def stored_bytes(connection: Connection) -> int:
    """Bytes of the predictions and labels that are stored. Raises StoreError."""
    with connection.transaction() as cursor:
        cursor.execute(
            "SELECT (SELECT COALESCE(SUM(LENGTH(content)), 0) FROM fasttrack_chunks)"  # noqa: S608  # no value in it
            f" + (SELECT COALESCE(SUM({_label_bytes(cursor.dialect)}), 0) FROM fasttrack_labels)"
        )
        return int(cursor.fetchone()[0])


def sweep(connection: Connection, *, before: float | None = None, most_bytes: int | None = None) -> int:
    """Remove predictions from before a time, then the oldest while more than `most_bytes` are stored.

    Returns how many predictions it removed. A label is removed with its prediction. A label without a prediction is
    removed when it is older than `before`, and to make room before any prediction is, the oldest first: whoever sends
    labels of nothing must not drive out predictions. Raises StoreError.
    """
    removed = 0
    if before is not None:
        removed += _remove_predictions(connection, before)
        with connection.transaction() as cursor:
            cursor.execute("DELETE FROM fasttrack_labels WHERE at < ?", (before,))
    if most_bytes is not None:
        _remove_lone_labels(connection, most_bytes)
        while (excess := stored_bytes(connection) - most_bytes) > 0:
            until = _end_of_oldest(connection, excess)
            if until is None:
                break
            removed += _remove_predictions(connection, math.nextafter(until, math.inf))
    return removed


def _remove_lone_labels(connection: Connection, most_bytes: int) -> None:
    """Remove the oldest labels without a prediction until at most `most_bytes` are stored, or none is left."""
    excess = stored_bytes(connection) - most_bytes
    since = -math.inf
    while excess > 0:
        with connection.transaction() as cursor:
            cursor.execute(
                f"SELECT process, number, at, {_label_bytes(cursor.dialect)} FROM fasttrack_labels "  # noqa: S608  # no value in it
                f"WHERE at >= ? AND {_HAS_NO_PREDICTION} ORDER BY at LIMIT ?",
                (since, _LABELS_PER_DELETE),
            )
            lone = cursor.fetchall()
            keys = []
            for process, number, since, size in lone:  # noqa: B007  # where the next look begins
                if excess <= 0:
                    break
                keys.append((process, number))
                excess -= size
            cursor.executemany("DELETE FROM fasttrack_labels WHERE process = ? AND number = ?", keys)
        if len(lone) < _LABELS_PER_DELETE:
            return


def _end_of_oldest(connection: Connection, size: int) -> float | None:
    """The time of the last prediction in the oldest chunks that take `size` bytes together, or in the oldest 500.

    `None` if there are no chunks.
    """
    with connection.transaction() as cursor:
        label_bytes = _label_bytes(cursor.dialect)
        cursor.execute(
            f"SELECT last, LENGTH(content) + (SELECT COALESCE(SUM({label_bytes}), 0) FROM fasttrack_labels "  # noqa: S608  # no value in it
            "WHERE fasttrack_labels.process = fasttrack_chunks.process AND number >= start AND number < start + rows) "
            "FROM fasttrack_chunks ORDER BY last LIMIT ?",
            (_CHUNKS_PER_LOOK,),
        )
        oldest = cursor.fetchall()
    for last, chunk_bytes in oldest:
        size -= chunk_bytes
        if size <= 0:
            return float(last)
    return float(oldest[-1][0]) if oldest else None


def _remove_predictions(connection: Connection, before: float) -> int:
    """Remove the chunks that end before a time, with their labels; returns how many predictions they held."""
    removed = 0
    with connection.transaction() as cursor:
        cursor.execute("SELECT process, start, rows FROM fasttrack_chunks WHERE last < ?", (before,))
        for process, start, rows in cursor.fetchall():
            cursor.execute(
                "DELETE FROM fasttrack_chunks WHERE process = ? AND start = ? AND rows = ?", (process, start, rows)
            )
            if cursor.rowcount:  # else it has been merged with younger ones meanwhile, and stays
                cursor.execute(
                    "DELETE FROM fasttrack_labels WHERE process = ? AND number >= ? AND number < ?",
                    (process, start, start + rows),
                )
                removed += rows
    return removed


def _label_bytes(dialect: Dialect) -> str:
    """Expression: the bytes that a label takes."""
    return f"({dialect.text_bytes.format('label')} + {_LABEL_BYTES})"
