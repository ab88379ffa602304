"""Compressed files → their content."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib

import pyarrow as pa

from fasttrack.errors import DataError

__all__ = ["COMPRESSED", "decompressed"]

COMPRESSED = (".gz", ".bz2", ".zst", ".xz")
"""The endings that name a compression."""


def decompressed(content: bytes, ending: str, name: str) -> bytes:
    """The content of a compressed file; raises DataError when it is damaged or cut short."""
    try:
        match ending:
            case ".gz":
                return gzip.decompress(content)
            case ".bz2":
                return bz2.decompress(content)
            case ".xz":
                return lzma.decompress(content)
            case _:
                with pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
                    return bytes(stream.read())
    except (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError, pa.ArrowException):
        raise DataError(f"{name} is no whole {ending} file; it may have been cut short: copy it again") from None
