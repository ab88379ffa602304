"""The delimiter of a CSV file, detected from its first lines."""

from __future__ import annotations

import re

__all__ = ["find_delimiter", "join_by_tabs", "splits_at_whitespace", "take_delimiter_line"]

_DELIMITERS = ";\t|,"
"""The first of them wins when several fit: a comma may be part of the names and numbers between other delimiters."""
_SNIFFED_LINES = 20
_SNIFFED_BYTES = 100_000
_DELIMITER_LINE = re.compile(rb"sep=([^\w\s\"]|\t)\r?\n")
"""What some programs write first, for Excel."""
_TOKEN = re.compile(r'"[^"]*"|\S+')
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_GAP = re.compile(rb'("[^"\r\n]*")|[ \t]+')


def find_delimiter(content: bytes) -> str:
    """The delimiter that most of the first lines have as often as the header, outside quotes; by default a comma."""
    header, *others = _first_lines(content)

    def fitness(delimiter: str) -> tuple[int, bool, int]:
        count = header.count(delimiter)
        return sum(line.count(delimiter) == count for line in others), delimiter != ",", count

    candidates = [
        delimiter
        for delimiter in _DELIMITERS
        if delimiter in header and (not others or any(delimiter in line for line in others))
    ]
    return max(candidates, key=fitness, default=",")


def splits_at_whitespace(content: bytes) -> bool:
    """Whether runs of spaces and tabs cut each of the first lines into as many cells, with numbers in a column.

    More cells than tabs alone would give: tables of fixed widths have a tab here and there.
    """
    start = content[:_SNIFFED_BYTES].decode("utf-8", "ignore")
    lines = [line for line in re.split(r"[\r\n]+", start) if line.strip()][:_SNIFFED_LINES]
    rows = [_TOKEN.findall(line) for line in lines]
    width = len(rows[0]) if rows else 0
    if width < 2 or len(rows) < 2 or any(len(row) != width for row in rows):
        return False
    if any(sign in line for line in lines for sign in ";|,"):
        return False
    tabs = {line.strip().count("\t") for line in lines}
    has_numbers = any(all(_NUMBER.fullmatch(row[column]) for row in rows[1:]) for column in range(width))
    return has_numbers and (len(tabs) > 1 or width > max(tabs) + 1)


def join_by_tabs(content: bytes) -> bytes:
    """Lines with one tab between two cells for runs of spaces and tabs; a quoted cell keeps its spaces."""
    lines = (line.strip(b" \t") for line in re.split(rb"\r\n|\n|\r", content))
    return b"\n".join(_GAP.sub(lambda gap: gap[1] or b"\t", line) for line in lines) + b"\n"


def take_delimiter_line(content: bytes) -> tuple[bytes, str | None]:
    """The content without a first line such as `sep=;`, and the delimiter that it names."""
    line = _DELIMITER_LINE.match(content)
    return (content, None) if line is None else (content[line.end() :], line[1].decode())


def _first_lines(content: bytes) -> list[str]:
    start = content[:_SNIFFED_BYTES].decode("utf-8", "ignore")
    unquoted = re.sub(r'(^|[;\t|,])"[^"]*(?:""[^"]*)*"', r'\1"', start, flags=re.MULTILINE)
    return [line for line in re.split(r"[\r\n]+", unquoted) if line][: _SNIFFED_LINES + 1]
