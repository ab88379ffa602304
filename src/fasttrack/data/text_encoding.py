"""The content of a text file as UTF-8, whatever its encoding, and a note where that was not plain."""

from __future__ import annotations

import re

from fasttrack.data.encoding_detection import detect_encoding
from fasttrack.data.utf8 import utf8_content
from fasttrack.errors import DataError

__all__ = ["decode_text"]


def decode_text(content: bytes, name: str, encoding: str | None) -> tuple[bytes, list[str]]:
    """`content` as UTF-8 without a byte order mark, and notes. `encoding`: what was asked for, else it is detected.

    Raises DataError naming the first line that the encoding cannot have, or the encodings that are plausible.
    """
    if encoding is not None:
        return _recode(content, name, encoding), []
    try:
        return utf8_content(content, name), []
    except DataError:
        if _is_utf8(content):
            raise
    detected, plausible = detect_encoding(content)
    if detected is None:
        raise _unknown_encoding(content, name, plausible)
    return _recode(content, name, detected), [f"read as {detected}, because it is not UTF-8; --encoding sets another"]


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _recode(content: bytes, name: str, encoding: str) -> bytes:
    try:
        text = content.decode(encoding)
    except UnicodeError as error:
        start = getattr(error, "start", 0)
        line = len(re.findall(rb"\r\n|\n|\r", content[:start])) + 1
        raise DataError(
            f"{name} line {line} is not {encoding} (byte 0x{content[start]:02x}); name its encoding with --encoding"
            if start < len(content)
            else f"{name} is not {encoding}; name its encoding with --encoding"
        ) from None
    return utf8_content(text.removeprefix("\ufeff").encode("utf-8", "surrogatepass"), name)


def _unknown_encoding(content: bytes, name: str, plausible: list[str]) -> DataError:
    start = next(position for position in range(len(content)) if content[position] > 127)
    try:
        content.decode()
    except UnicodeDecodeError as error:
        start = error.start
    line = content.count(b"\n", 0, start) + 1
    guess = f"it may be {' or '.join(plausible)}: " if plausible else ""
    example = plausible[0] if plausible else "windows-1252"
    return DataError(
        f"{name} line {line} is not UTF-8 (byte 0x{content[start]:02x}); {guess}name its encoding, "
        f"such as --encoding {example}"
    )
