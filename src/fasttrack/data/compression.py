"""The content of compressed files."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from typing import TYPE_CHECKING

import pyarrow as pa

from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DECOMPRESSORS", "decompress"]


def _unzstd(content: bytes) -> bytes:
    with pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
        return bytes(stream.read())


DECOMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".zst": _unzstd,
    ".xz": lzma.decompress,
}
"""One for each of `file_formats.COMPRESSIONS`."""


def decompress(content: bytes, ending: str, name: str) -> bytes:
    """The content of the compressed file called `name`; raises DataError when it is damaged or cut short."""
    try:
        return DECOMPRESSORS[ending](content)
    except (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError, pa.ArrowException):
        raise DataError(f"{name} is not a complete {ending} file; it may have been cut short: copy it again") from None
