"""Bytes of a text file → UTF-8 without a byte order mark, or a word on what they are instead."""

from __future__ import annotations

from fasttrack.errors import DataError

__all__ = ["checked_text"]

_MARK = b"\xef\xbb\xbf"


def checked_text(content: bytes, name: str) -> bytes:
    """`content` without its byte order mark; raises DataError naming the line that is not UTF-8."""
    content = content.removeprefix(_MARK)
    try:
        content.decode()
    except UnicodeDecodeError as error:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise DataError(f"{name} is UTF-16, not UTF-8; convert it by: iconv -f UTF-16 -t UTF-8") from None
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name} line {line} is not UTF-8 (byte 0x{content[error.start]:02x}); "
            "convert it, most likely by: iconv -f WINDOWS-1252 -t UTF-8"
        ) from None
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise DataError(f"{name} line {line} holds a NUL byte, so it is no text; save the table as UTF-8 text")
    if not content.strip():
        raise DataError(f"{name} is empty; check that it was written whole")
    return content
