"""A table's identity: equal for equal content, however it was chunked, compressed or stored."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.urls import redact_url

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Fingerprint", "fingerprint"]


class Fingerprint(msgspec.Struct, frozen=True):
    """Where a table came from, its size and types, and the SHA-256 of its content."""

    source: str
    rows: int
    columns: dict[str, str]
    content_sha256: str
    query: str | None = None
    table: str | None = None
    """What was read of a database."""
    sample: int | None = None
    """How many rows were asked for, where not all were."""


def fingerprint(
    table: pa.Table,
    source: str | Path,
    *,
    query: str | None = None,
    of: str | None = None,
    sample: int | None = None,
) -> Fingerprint:
    """The fingerprint of `table`, read from `source`, which is kept without password and parameters.

    Of a database, `query` or the table `of` is what was read; `sample` is how many rows were asked for.
    """
    columns = {field.name: str(field.type) for field in table.schema}
    digest = hashlib.sha256(repr((table.num_rows, columns)).encode())
    for column in table.columns:
        for part in _canonical(column):
            digest.update(part)
    return Fingerprint(redact_url(str(source)), table.num_rows, columns, digest.hexdigest(), query, of, sample)


def _canonical(column: pa.ChunkedArray) -> list[bytes]:
    """The column's bytes without what does not count: chunks, offsets, padding, and what lies under a missing cell."""
    kind = column.type
    missing = np.packbits(pc.is_null(column).to_numpy()).tobytes()
    if pa.types.is_string(kind):
        text = pc.cast(pc.fill_null(column, ""), pa.large_string()).combine_chunks()
        lengths = pc.binary_length(text).to_numpy().astype(np.int64)
        _, offsets, letters = text.buffers()
        start = int(np.frombuffer(offsets, np.int64)[text.offset]) if len(text) else 0
        written = letters.slice(start, int(lengths.sum())).to_pybytes() if letters is not None else b""
        return [missing, lengths.tobytes(), written]
    if pa.types.is_timestamp(kind):
        column = pc.cast(column, pa.int64())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        return [repr(column.to_pylist()).encode()]
    return [missing, pc.fill_null(column, pa.scalar(0).cast(column.type)).to_numpy().tobytes()]
