"""A table's identity: equal for equal content, however it was chunked, compressed or stored."""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Fingerprint", "fingerprint"]


class Fingerprint(msgspec.Struct, frozen=True):
    """Where a table came from, its size and types, and the SHA-256 of its content."""

    source: str
    rows: int
    columns: dict[str, str]
    content_sha256: str


def fingerprint(table: pa.Table, source: str) -> Fingerprint:
    """The fingerprint of `table`, read from `source`."""
    columns = {field.name: str(field.type) for field in table.schema}
    digest = hashlib.sha256(repr((table.num_rows, columns)).encode())
    for column in table.columns:
        for part in _canonical(column):
            digest.update(part)
    return Fingerprint(str(source), table.num_rows, columns, digest.hexdigest())


def _canonical(column: pa.ChunkedArray) -> list[bytes]:
    """The column's bytes without what does not count: chunks, offsets, padding, and what lies under a missing cell."""
    missing = np.packbits(pc.is_null(column).to_numpy()).tobytes()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        whole = pc.cast(pc.fill_null(column, ""), pa.large_string()).combine_chunks()
        lengths = pc.binary_length(whole).to_numpy(zero_copy_only=False).astype(np.int64)
        if not len(whole):
            return [missing]
        start = np.frombuffer(whole.buffers()[1], dtype=np.int64)[whole.offset]
        data = whole.buffers()[2]
        text = data.to_pybytes()[start : start + int(lengths.sum())] if data is not None else b""
        return [missing, lengths.tobytes(), text]
    if pa.types.is_timestamp(column.type):
        column = pc.cast(column, pa.int64())
    if pa.types.is_primitive(column.type):
        zero = pa.scalar(0).cast(column.type) if not pa.types.is_boolean(column.type) else pa.scalar(False)
        return [missing, pc.fill_null(column, zero).to_numpy().tobytes()]
    return [repr(column.to_pylist()).encode()]
