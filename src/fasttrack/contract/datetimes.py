"""Dates and times of a whole column at once, as seconds since 1970 UTC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fasttrack.contract.datetime_text import parse_datetime

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["micros_to_seconds", "parse_datetimes"]

_EXACT = 2**53
"""Up to here each whole number is a float64."""
_USUAL = np.frombuffer(b"0000-00-00T00:00:00Z", np.uint8)
_DIGIT = np.equal(_USUAL, ord("0"))
_WIDTH = len(_USUAL)


def parse_datetimes(cells: Sequence[str | None]) -> list[float | None]:
    """Seconds since 1970 UTC of each cell; `None` is missing. Raises ValueError as `parse_datetime` does for a cell."""
    texts = [cell for cell in cells if cell is not None]
    parsed = _parse_usual(texts)
    if parsed is None:
        parsed = [parse_datetime(text) for text in texts]
    if len(texts) == len(cells):
        return list(parsed)
    remaining = iter(parsed)
    return [None if cell is None else next(remaining) for cell in cells]


def micros_to_seconds(micros: NDArray[np.int64], missing: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Seconds of int64[n] microseconds, each rounded once; past 2^53 only Python's whole numbers can do that."""
    if (np.abs(micros[~missing]) <= _EXACT).all():
        return micros / 1e6
    return np.array([moment / 1_000_000 for moment in micros.tolist()])


def _parse_usual(cells: list[str]) -> list[float] | None:
    """As `parse_datetimes`, where every cell is written like 2013-01-31T17:05:00Z; `None` where one is not."""
    joined = "".join(cells)
    if not joined.isascii() or set(map(len, cells)) != {_WIDTH}:
        return None
    signs = np.frombuffer(joined.encode(), np.uint8).reshape(-1, _WIDTH)
    digits = signs[:, _DIGIT].T.astype(np.int64) - ord("0")
    if (signs[:, ~_DIGIT] != _USUAL[~_DIGIT]).any() or (digits < 0).any() or (digits > 9).any():
        return None
    century, year, month, day, hour, minute, second = 10 * digits[::2] + digits[1::2]
    year += 100 * century
    # not NumPy's own parser, which crashes on many cells if one of them is not a date
    first = _first_day(12 * (year - 1970) + month - 1)
    length = _first_day(12 * (year - 1970) + month) - first
    right = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= length)
    if not (right & (hour < 24) & (minute < 60) & (second < 60)).all():
        return None
    since = 86_400 * (first + day - 1) + 3_600 * hour + 60 * minute + second
    seconds: list[float] = since.astype(np.float64).tolist()
    return seconds


def _first_day(month: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first day of each month, in days since 1970; months are counted from January 1970."""
    return month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
