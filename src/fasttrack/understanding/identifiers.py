"""Columns that name rows instead of describing them, recognised by their values and not only by their names.

A number that never repeats may be a measurement. It is an identifier only if its values carry no information of their
own: they count the rows, grow evenly with them, or are spread evenly over all numbers of their length. A real number, a
date and a text of several words are never identifiers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["MIN_DISTINCT", "integer_identifier", "is_free_text", "text_identifier"]

MIN_DISTINCT = 20
"""Fewer distinct values than this may be distinct by chance."""
_NAMED = re.compile(
    r"(?i:(^|[_\W])(id|ids|key|uuid|guid|index|idx|rowid|row|nr|no|num|number|code|account|serial|reference|ref)$"
    r"|^unnamed: 0$|^$|^row ?(names?|numbers?|nums?)$)|[a-z](ID|Id|Key|Index|Number|No|Nr)$"
)
_TIME_NAMED = re.compile(r"(?i:year|jahr|date|time|month|week|day|hour|minute|second|timestamp|epoch|quarter|age)")
_HEX = re.compile(r"[0-9a-f]{8,}", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_WORDS = 4
"""A text of so many words on average is written for people, and says something."""
_ALL_WORDS = 0.3
"""The share of the words of a text that begin with a small letter; of names and titles nearly none does."""
_SAMPLE = 200
"""The number of texts that are looked at for their form."""
_EVEN = 0.999
_SHORT_NUMBER = 10**5


def integer_identifier(name: str, values: NDArray[np.int64]) -> str | None:
    """Why whole numbers int64[n], in the order of the rows, are an identifier, or `None` when they may be a measure.

    Only numbers that never repeat, at least 20 of them, can be one.
    """
    n = len(values)
    if n < MIN_DISTINCT or len(np.unique(values)) < n:
        return None
    timed = bool(_TIME_NAMED.search(name))
    low, high = int(values.min()), int(values.max())
    if not timed and high - low + 1 == n and low in (0, 1):
        return "a row number"
    if _NAMED.search(name):
        return "a unique identifier"
    if timed:
        return None
    steps = np.diff(values)
    if (steps > 0).all() or (steps < 0).all():
        # float64: the square of large numbers does not fit into 64 bits
        evenness = abs(float(np.corrcoef(np.arange(n), values.astype(np.float64))[0, 1]))
        if evenness > _EVEN:
            return "a number that grows evenly with the rows"
    if low >= _SHORT_NUMBER and _is_spread_evenly(values.astype(np.float64)):
        return "a unique number without order, spread evenly over all numbers of its length"
    return None


def text_identifier(words: Sequence[str]) -> str | None:
    """Why distinct texts, one a row, are an identifier, or `None` when they are text that was written for people."""
    if len(words) < MIN_DISTINCT:
        return None
    sample = words[: 10 * MIN_DISTINCT]
    if all(_UUID.fullmatch(word) for word in sample):
        return "a unique identifier (UUIDs)"
    if all(_HEX.fullmatch(word) for word in sample):
        return "a unique identifier (hexadecimal digests)"
    return None if is_free_text(sample) else "a unique identifier"


def is_free_text(words: Sequence[str]) -> bool:
    """Whether texts are sentences or descriptions: several words on average, and not only names or titles.

    Names of people and titles have few words that begin with a small letter. Text without any small letter, such as
    `WHITE HANGING HEART`, is judged by its number of words alone.
    """
    sample = words[:_SAMPLE]
    split = [word.split() for word in sample]
    count = sum(len(parts) for parts in split)
    if not sample or count / len(sample) < _WORDS:
        return False
    small = sum(part[:1].islower() for parts in split for part in parts)
    return small >= _ALL_WORDS * count or not any(letter.islower() for word in sample for letter in word)


def _is_spread_evenly(values: NDArray[np.float64]) -> bool:
    """Whether numbers of one length fill the range of that length evenly (Kolmogorov–Smirnov, 1 %)."""
    digits = np.floor(np.log10(values))
    if digits.min() != digits.max():
        return False
    low = 10.0 ** digits.min()
    ordered = (np.sort(values) - low) / (9 * low)
    ranks: NDArray[Any] = np.arange(1, len(values) + 1) / len(values)
    distance = max(float(np.max(ranks - ordered)), float(np.max(ordered - ranks + 1 / len(values))))
    return bool(distance < 1.63 / np.sqrt(len(values)))
