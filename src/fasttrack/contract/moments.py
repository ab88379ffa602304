"""Reading a column of dates and times at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fasttrack.contract.cell import seconds

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["seconds_of", "seconds_of_all"]

_EXACT = 2**53
"""Up to here each whole number is a float64."""
_USUAL = np.frombuffer(b"0000-00-00T00:00:00Z", np.uint8)
_DIGIT = np.equal(_USUAL, ord("0"))
_WIDTH = len(_USUAL)


def seconds_of_all(cells: Sequence[str | None]) -> list[float | None]:
    """Seconds since 1970 UTC of each cell that is there, as `seconds` reads it. Raises ValueError as that does."""
    given = [cell for cell in cells if cell is not None]
    found = _usual(given)
    if found is None:
        found = [seconds(cell) for cell in given]
    if len(given) == len(cells):
        return list(found)
    each = iter(found)
    return [None if cell is None else next(each) for cell in cells]


def seconds_of(micros: NDArray[np.int64], missing: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Microseconds as seconds, each rounded once, as the decoder does; past 2^53 that takes Python's whole numbers."""
    if (np.abs(micros[~missing]) <= _EXACT).all():
        return micros / 1e6
    return np.array([moment / 1_000_000 for moment in micros.tolist()])


def _usual(cells: list[str]) -> list[float] | None:
    """As `seconds_of_all`, where every cell is written like 2013-01-31T17:05:00Z; `None` where one is not."""
    joined = "".join(cells)
    if not joined.isascii() or set(map(len, cells)) != {_WIDTH}:
        return None
    signs = np.frombuffer(joined.encode(), np.uint8).reshape(-1, _WIDTH)
    digits = signs[:, _DIGIT].T.astype(np.int64) - ord("0")
    if (signs[:, ~_DIGIT] != _USUAL[~_DIGIT]).any() or (digits < 0).any() or (digits > 9).any():
        return None
    century, year, month, day, hour, minute, second = 10 * digits[::2] + digits[1::2]
    year += 100 * century
    # NumPy's own reader of text must not be asked: it crashes on many cells of which one is no moment
    first = _first_day(12 * (year - 1970) + month - 1)
    length = _first_day(12 * (year - 1970) + month) - first
    right = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= length)
    if not (right & (hour < 24) & (minute < 60) & (second < 60)).all():
        return None
    since = 86_400 * (first + day - 1) + 3_600 * hour + 60 * minute + second
    found: list[float] = since.astype(np.float64).tolist()
    return found


def _first_day(month: NDArray[np.int64]) -> NDArray[np.int64]:
    """The days since 1970 of the first day of a month, which is counted since 1970 too."""
    return month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
