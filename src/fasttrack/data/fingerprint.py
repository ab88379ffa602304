"""A table's identity: equal for equal content, however it is chunked, compressed or stored."""

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
    """A table's source, size and types, and the SHA-256 of its content."""

    source: str
    """Without password and parameters."""
    rows: int
    columns: dict[str, str]
    content_sha256: str
    query: str | None = None
    """The query that selected the rows of a database."""
    table: str | None = None
    """The table of a database that was read whole."""
    sample: int | None = None
    """How many rows were asked for, if not all."""


def fingerprint(
    table: pa.Table,
    source: str | Path,
    *,
    query: str | None = None,
    table_name: str | None = None,
    sample: int | None = None,
) -> Fingerprint:
    """The fingerprint of `table`, which was read from `source`; the other arguments are as `Fingerprint` says."""
    columns = {field.name: str(field.type) for field in table.schema}
    digest = hashlib.sha256(repr((table.num_rows, columns)).encode())
    for column in table.columns:
        for part in _canonical_bytes(column):
            digest.update(part)
    return Fingerprint(redact_url(str(source)), table.num_rows, columns, digest.hexdigest(), query, table_name, sample)


def _canonical_bytes(column: pa.ChunkedArray) -> list[bytes]:
    """The column's content without its layout: chunks, offsets, padding, and the bytes under missing cells."""
    type_ = column.type
    missing = np.packbits(pc.is_null(column).to_numpy()).tobytes()
    if pa.types.is_string(type_):
        text = pc.cast(pc.fill_null(column, ""), pa.large_string()).combine_chunks()
        lengths = pc.binary_length(text).to_numpy().astype(np.int64)
        _, offsets, letters = text.buffers()
        start = int(np.frombuffer(offsets, np.int64)[text.offset]) if len(text) else 0
        content = letters.slice(start, int(lengths.sum())).to_pybytes() if letters is not None else b""
        return [missing, lengths.tobytes(), content]
    if pa.types.is_timestamp(type_):
        column = pc.cast(column, pa.int64())
    elif not (pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_boolean(type_)):
        return [repr(column.to_pylist()).encode()]
    return [missing, pc.fill_null(column, pa.scalar(0).cast(column.type)).to_numpy().tobytes()]
