"""Columns that name rows instead of describing them, recognised by their values and not only by their names.

A number that never repeats may be a measurement. It is an identifier only if its values carry no information of their
own: they count the rows, grow evenly with them, or are spread evenly over all numbers of their length. A real number, a
date and a text of several words are never identifiers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from fasttrack.contract.dates import infer_dates
from fasttrack.understanding.names import is_rank, is_time, name_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["MIN_DISTINCT", "integer_identifier", "is_free_text", "text_identifier"]

MIN_DISTINCT = 20
"""Fewer distinct values than this may be distinct by chance."""
_UNIQUE = "a unique identifier"
_NAMES = {"id", "ids", "key", "uuid", "guid", "idx", "rowid", "row", "serial", "account", "reference", "ref"}
_NUMBERS = {"nr", "no", "num", "number", "code"}
_ROW_NAMES = {"rownames", "rowname", "rownumber", "index", "unnamed: 0", ""}
_HEX = re.compile(r"[0-9a-f]{8,}", re.IGNORECASE)
_UUID = re.compile(r"\{?[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}?", re.IGNORECASE)
_WORDS = 4
"""A text of so many words on average is written for people, and is not an identifier."""
_ALL_WORDS = 0.3
"""The share of a text's words that begin with a small letter; in names and titles nearly none do."""
_SAMPLE = 200
"""The number of texts that are looked at for their form."""
_DENSE = 0.5
"""Row numbers of which at least this fraction is left after rows were removed."""
_SHORT_NUMBER = 10**5
_EPOCH = (946_684_800, 2_145_916_800)
"""The years 2000 to 2037 as seconds since 1970."""


def integer_identifier(name: str, values: NDArray[np.int64]) -> str | None:
    """Why whole numbers int64[n], in the order of the rows, are an identifier, or `None` when they may be a measure.

    Only numbers that never repeat, at least 20 of them, can be one.
    """
    n = len(values)
    if n < MIN_DISTINCT or len(np.unique(values)) < n or _are_times(values):
        return None
    tokens = name_tokens(name)
    if name.strip().lower() in _ROW_NAMES or (tokens and tokens[-1] in _NAMES):
        return _UNIQUE
    if is_time(name) or is_rank(name):
        return None
    if tokens and tokens[-1] in _NUMBERS:
        return _UNIQUE
    low, high = int(values.min()), int(values.max())
    if high - low + 1 == n and low in (0, 1):
        return "a row number"
    if _counts(values, low, high):
        return "a number that counts the rows"
    if low >= _SHORT_NUMBER and _is_spread_evenly(values.astype(np.float64)):
        return "a unique number without order, spread evenly over all numbers of its length"
    return None


def text_identifier(words: Sequence[str]) -> str | None:
    """Why distinct texts, one a row, are an identifier; `None` when they are dates, or text written for people."""
    if len(words) < MIN_DISTINCT:
        return None
    sample = words[:_SAMPLE]
    if all(_UUID.fullmatch(word) for word in sample):
        return f"{_UNIQUE} (UUIDs)"
    if infer_dates(sample) is not None and infer_dates(words) is not None:
        return None
    if all(_HEX.fullmatch(word) for word in sample):
        return f"{_UNIQUE} (hexadecimal digests)"
    return None if is_free_text(sample) else _UNIQUE


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


def _are_times(values: NDArray[np.int64]) -> bool:
    """Whether numbers are dates, such as 20240131, or seconds since 1970 of at least two days of this century."""
    low, high = int(values.min()), int(values.max())
    if _EPOCH[0] <= low and high <= _EPOCH[1] and high - low > 86_400:
        return True
    return low >= 15_000_101 and high <= 22_991_231 and infer_dates(map(str, values.tolist())) is not None


def _counts(values: NDArray[np.int64], low: int, high: int) -> bool:
    """Whether numbers grow evenly from row to row, as a counter with gaps does.

    A measure by which a table was sorted grows, too. A counter has few gaps, or begins far from zero. The correlation
    with the row number is 1 − c²/n for steps with a coefficient of variation c, at most 1 for random gaps.
    """
    n = len(values)
    steps = np.diff(values)
    if not ((steps > 0).all() or (steps < 0).all()):
        return False
    if not (n >= _DENSE * (high - low + 1) and low in (0, 1, 2)) and low < high - low:
        return False
    # float64: the square of large numbers does not fit into 64 bits
    evenness = abs(float(np.corrcoef(np.arange(n), values.astype(np.float64))[0, 1]))
    return 1 - evenness < min(0.01, 1.5 / n)


def _is_spread_evenly(values: NDArray[np.float64]) -> bool:
    """Whether numbers of one length fill the range of that length evenly (Kolmogorov–Smirnov, 1 %)."""
    digits = np.floor(np.log10(values))
    if digits.min() != digits.max():
        # numbers below a power of ten: a tenth of them has fewer digits
        low, high = 0.0, 10.0 ** (digits.max() + 1)
    else:
        low, high = 10.0 ** digits.min(), 10.0 ** (digits.min() + 1)
    ordered = (np.sort(values) - low) / (high - low)
    ranks = np.arange(1, len(values) + 1) / len(values)
    distance = max(float(np.max(ranks - ordered)), float(np.max(ordered - ranks + 1 / len(values))))
    return bool(distance < 1.63 / np.sqrt(len(values)))
