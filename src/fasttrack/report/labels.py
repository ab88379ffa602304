"""How the report prints names and labels: where a long one may break, and how it is shortened where room is scarce."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["allow_breaks", "isolate", "letters", "shorten", "shorten_all"]

_LONGEST_PIECE = 24
"""A piece of a name without any separator is broken after so many letters."""
_WORDS = re.compile(r"(\s+)")
_SEAMS = re.compile(r"(?<=[_/|+&=@])(?![_/|+&=@])|(?<=[-.,:;])(?![-.,:;0-9])")
"""Where a word may break: after a separator, but not within a number, a date or a time."""
_JOINER = "\N{ZERO WIDTH JOINER}"
_WIDE = 1.75
"""The width of an East Asian letter or an emoji, in Latin letters."""


def letters(text: str) -> float:
    """The width of a text in Latin letters of average width."""
    widths = (
        _WIDE if unicodedata.east_asian_width(letter) in "WF" else 0.0 if unicodedata.combining(letter) else 1.0
        for letter in text
    )
    return sum(widths)


def shorten(text: str, most: float) -> str:
    """At most `most` letters of the text: its beginning and its end, because long labels often differ at the end."""
    if letters(text) <= most:
        return text
    half = (most - 1) / 2
    return f"{_start(text, half).rstrip()}…{_start(text[::-1], half)[::-1].lstrip()}"


def shorten_all(texts: Sequence[str], most: float) -> list[str]:
    """Each text shortened; those that would look alike are numbered."""
    shortened = [shorten(text, most) for text in texts]
    counts, seen = Counter(shortened), Counter[str]()
    distinct = []
    for text in shortened:
        seen[text] += 1
        distinct.append(f"{text} ({seen[text]})" if counts[text] > 1 else text)
    return distinct


def allow_breaks(text: str) -> Markup:
    """The text as HTML that may break after separators such as `_` and `/`, and elsewhere only in very long words."""
    words = (
        Markup("<wbr>").join(escape(part) for piece in _SEAMS.split(word) for part in _parts(piece) if part)
        for word in _WORDS.split(text)
    )
    return Markup().join(words)


def isolate(text: str) -> str:
    """A name within a sentence: one written from right to left must not turn the numbers beside it around."""
    if any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text):
        return f"\N{FIRST STRONG ISOLATE}{text}\N{POP DIRECTIONAL ISOLATE}"
    return text


def _parts(piece: str) -> list[str]:
    """The piece in parts of about 24 characters; a letter keeps its accents, and a joined emoji is one letter."""
    parts, begin = [], 0
    for end in range(1, len(piece)):
        joined = unicodedata.category(piece[end])[0] in "MS" or _JOINER in piece[end - 1 : end + 1]
        if end - begin >= _LONGEST_PIECE and not joined:
            parts.append(piece[begin:end])
            begin = end
    return [*parts, piece[begin:]]


def _start(text: str, most: float) -> str:
    room, end = most, 0
    while end < len(text) and room >= letters(text[end]):
        room -= letters(text[end])
        end += 1
    return text[:end]
