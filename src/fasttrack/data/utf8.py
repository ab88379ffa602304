"""The text of a file as UTF-8, or what it is instead."""

from __future__ import annotations

from fasttrack.errors import DataError

__all__ = ["utf8_content"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def utf8_content(content: bytes, name: str) -> bytes:
    """`content` without its byte order mark; raises DataError naming the line that is not UTF-8 text."""
    content = content.removeprefix(_BYTE_ORDER_MARK)
    try:
        content.decode()
    except UnicodeDecodeError as error:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise DataError(f"{name} is UTF-16, not UTF-8; convert it with: iconv -f UTF-16 -t UTF-8") from None
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{name} line {line} is not UTF-8 (byte 0x{content[error.start]:02x}); "
            "convert it, most likely with: iconv -f WINDOWS-1252 -t UTF-8"
        ) from None
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise DataError(f"{name} line {line} contains a NUL byte, so it is not text; save the table as UTF-8 text")
    if not content.strip():
        raise DataError(f"{name} is empty; check that it was written completely")
    return content
