"""How a file is read where its content alone does not say it: delimiter, encoding, sheet, header.

Each option is a field of `ReadOptions`, a key of `[data]` in fasttrack.toml, and a flag of every command that reads a
table.
"""

from __future__ import annotations

import codecs
from typing import Literal

import msgspec

from fasttrack.suggestions import did_you_mean

__all__ = ["DEFAULT_READING", "HEADERS", "WHITESPACE", "Header", "ReadOptions"]

Header = Literal["auto", "yes", "no"]
HEADERS: tuple[Header, ...] = ("auto", "yes", "no")
WHITESPACE = "whitespace"
"""The delimiter that is any run of spaces and tabs."""
_NAMED_DELIMITERS = {"tab": "\t", "\\t": "\t"}
_COMMON_ENCODINGS = ("utf-8", "utf-16", "windows-1252", "windows-1250", "latin-1", "iso-8859-15", "cp850", "mac-roman")


class ReadOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How to read a file; by default, its content decides. Raises ValueError for an option that cannot be used."""

    delimiter: str | None = None
    """One character, `tab`, or `whitespace`."""
    encoding: str | None = None
    """A text encoding that Python knows."""
    sheet: str | None = None
    """The name of a sheet of a workbook; by default the first."""
    header: Header = "auto"
    """Whether the first row has the names of the columns; `auto`: it has, unless it looks like the other rows."""

    def __post_init__(self) -> None:
        if self.delimiter is not None and not _is_delimiter(self.delimiter):
            raise ValueError(
                f"the delimiter {self.delimiter!r} cannot be used; write one character that is not a quote, a letter "
                f"or a digit, or tab, or {WHITESPACE}"
            )
        if self.encoding is not None and not _is_encoding(self.encoding):
            hint = did_you_mean(self.encoding, _COMMON_ENCODINGS) or f"; write one such as {_COMMON_ENCODINGS[2]}"
            raise ValueError(f"there is no text encoding {self.encoding!r}{hint}")
        if self.header not in HEADERS:
            raise ValueError(f"the header is {self.header!r}; write one of {', '.join(HEADERS)}")

    @property
    def separator(self) -> str | None:
        """The delimiter itself: a tab for `tab`. `None` if it is to be detected."""
        return _NAMED_DELIMITERS.get(self.delimiter or "", self.delimiter)

    def given(self) -> dict[str, str]:
        """The options that are not the default, by name."""
        values: dict[str, str] = msgspec.to_builtins(self)
        return values

    def flags(self) -> list[str]:
        """The same as flags of the command line."""
        return [f"--{name}={value}" for name, value in self.given().items()]


DEFAULT_READING = ReadOptions()
"""The content of the file decides everything."""


def _is_delimiter(text: str) -> bool:
    if text == WHITESPACE or text in _NAMED_DELIMITERS:
        return True
    return len(text) == 1 and text.isascii() and not text.isalnum() and text not in '"\r\n\0'


def _is_encoding(name: str) -> bool:
    try:
        return codecs.lookup(name)._is_text_encoding  # others, such as base64, do not give text
    except (LookupError, ValueError):  # a name with a NUL
        return False
