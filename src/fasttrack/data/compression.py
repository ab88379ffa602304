"""The content of compressed files, up to a limit for content that is far larger than its file."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from fasttrack.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DECOMPRESSORS", "check_expansion", "decompress"]

LARGEST = 2**30
"""Up to this size in bytes, content may be as many times as large as its file as it likes."""
LARGEST_RATIO = 200
"""Tables are seldom 20 times as large as their compressed file."""
_CHUNK = 2**24

DECOMPRESSORS: dict[str, Callable[[bytes], Any]] = {
    # `decompress` closes them
    ".gz": lambda content: gzip.GzipFile(fileobj=io.BytesIO(content)),
    ".bz2": lambda content: bz2.BZ2File(io.BytesIO(content)),
    ".zst": lambda content: pa.CompressedInputStream(pa.BufferReader(content), "zstd"),
    ".xz": lambda content: lzma.LZMAFile(io.BytesIO(content)),  # noqa: SIM115
}
"""One for each of `file_formats.COMPRESSIONS`: opens the content as a file of what it holds."""


def decompress(content: bytes, ending: str, name: str) -> bytes:
    """The content of the compressed file called `name`.

    Raises DataError when it is damaged or cut short, or far larger than its file.
    """
    chunks: list[bytes] = []
    size = 0
    try:
        with DECOMPRESSORS[ending](content) as opened:
            while chunk := opened.read(_CHUNK):
                chunks.append(bytes(chunk))
                size += len(chunk)
                check_expansion(len(content), size, name)
    except (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError, pa.ArrowException):
        raise DataError(f"{name} is not a complete {ending} file; it may have been cut short: copy it again") from None
    return b"".join(chunks)


def check_expansion(compressed: int, size: int, name: str) -> None:
    """Raise DataError when content of `size` bytes, or more, is far larger than the file that holds it."""
    if size > LARGEST and size > LARGEST_RATIO * compressed:
        raise DataError(
            f"{name} has {compressed:,} bytes and expands to {size:,} or more, which is unusual for a table; "
            "if it is one, extract it, and name the file that was in it"
        )
