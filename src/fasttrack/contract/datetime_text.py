"""ISO 8601 text ⇄ seconds since 1970 UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["format_datetime", "parse_datetime", "within_years"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH).total_seconds()
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH).total_seconds()
# Python's own reader takes any character between date and time, and so would read the zone of a date as its time.
_DATETIME = re.compile(r"[0-9]{4}-?([0-9]{2}-?[0-9]{2}|W[0-9]{2}(-?[0-9])?)([T ][0-9:.,]+( ?(Z|[+-][0-9:.]+))?)?")
_SPACE_BEFORE_ZONE = re.compile(r" (?=(?:Z|[+-][0-9:.]+)\Z)")


def parse_datetime(text: str) -> float:
    """Seconds since 1970 UTC of an ISO 8601 date, or date and time; without a zone it is UTC.

    Raises ValueError for other text, and outside the years 1 to 9999.
    """
    upper = text.upper()
    if not _DATETIME.fullmatch(upper):
        raise ValueError("not ISO 8601")
    moment = datetime.fromisoformat(_SPACE_BEFORE_ZONE.sub("", upper))
    since = ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH).total_seconds()
    if not _FIRST <= since <= _LAST:
        raise ValueError("outside the years 1 to 9999")
    return since


def within_years(since: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which seconds since 1970 UTC lie in the years 1 to 9999."""
    within: NDArray[np.bool_] = (since >= _FIRST) & (since <= _LAST)
    return within


def format_datetime(since: float) -> str:
    """Seconds since 1970 UTC as ISO 8601 text. Raises OverflowError outside the years 1 to 9999."""
    return (_EPOCH + timedelta(seconds=since)).isoformat().replace("+00:00", "Z")
