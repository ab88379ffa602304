"""Which values of a training column may be published: statistical disclosure control by a minimum frequency.

A category is published if at least `min_rows` rows have it. A range is published without the extremes that fewer rows
reach, and rounded, because the lowest or highest number of a table is often one person's.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Kind, Privacy

    Floats = NDArray[np.float64]

__all__ = ["frequent_codes", "frequent_range", "frequent_values", "merge_rare_bins"]

T = TypeVar("T", bound=Hashable)

_LONGEST = 100
"""A longer text is not published: it is free text and not a label, and 50 of them would fill pages."""
_STEPS = 100
"""A published end of a range is rounded to a step of at most this fraction of the range."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400.0
_SECONDS = (365.25 * _DAY, 30.4 * _DAY, _DAY, 3600.0, 60.0, 1.0)
"""The lengths of a year, a month, a day, an hour, a minute and a second."""


def frequent_codes(categories: Sequence[T], rows: Mapping[T, int], privacy: Privacy) -> list[int]:
    """The indices of the `categories` that may be published, the most frequent first, equal ones in their order.

    `rows`: how many rows have each value. A text of more than 100 characters is never published.
    """
    counts = [rows.get(category, 0) for category in categories]
    frequent = [
        code
        for code, category in enumerate(categories)
        if counts[code] >= privacy.min_rows and not (isinstance(category, str) and len(category) > _LONGEST)
    ]
    return sorted(frequent, key=lambda code: -counts[code])[: privacy.max_values]


def frequent_values(rows: Mapping[T, int], privacy: Privacy) -> list[T]:
    """The values that may be published, as `frequent_codes`. `rows`: how many rows have each value."""
    values = list(rows)
    return [values[code] for code in frequent_codes(values, rows, privacy)]


def frequent_range(values: Floats, kind: Kind, min_rows: int) -> tuple[float, float] | None:
    """The range of float64[n] `values` that may be published; `None` if there are too few of them.

    At least `min_rows` values lie at or below its low end, and as many at or above its high end. An end that fewer
    rows have exactly is rounded.
    """
    n = len(values)
    if n < min_rows or not n:
        return None
    places = (min_rows - 1, n - min_rows)
    if places[0] > places[1]:
        return None
    partitioned = np.partition(values, places)
    low, high = float(partitioned[places[0]]), float(partitioned[places[1]])
    ends = [
        end if np.count_nonzero(values == end) >= min_rows else _round(end, high - low, kind) for end in (low, high)
    ]
    return ends[0], ends[1]


def merge_rare_bins(edges: Floats, values: Floats, min_rows: int) -> Floats:
    """The `edges`, float64[k] in ascending order, without those that leave fewer than `min_rows` `values` in a bin.

    An edge is the upper end, included, of a bin; the last bin has none.
    """
    below = np.searchsorted(np.sort(values), edges, side="right")
    kept: list[int] = []
    start = 0
    for i, count in enumerate(below.tolist()):
        if count - start >= min_rows:
            kept.append(i)
            start = count
    if kept and len(values) - start < min_rows:
        kept.pop()
    merged: Floats = edges[kept]
    return merged


def _round(value: float, span: float, kind: Kind) -> float:
    """`value` rounded to a readable step of at most a hundredth of `span`."""
    if kind == "datetime":
        return _round_moment(value, span / _STEPS)
    if span <= 0 or not math.isfinite(span):
        return float(f"{value:.3g}")
    return float(round(value, -math.floor(math.log10(span / _STEPS))))


def _round_moment(since: float, step: float) -> float:
    """Seconds since 1970 UTC cut to the year, month, day, hour, minute or second, the longest that fits into `step`."""
    moment = _EPOCH + timedelta(seconds=since)
    first = {"month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0}
    length = next((i for i, seconds in enumerate(_SECONDS) if seconds <= step), len(_SECONDS) - 1)
    cut = dict(list(first.items())[length:])
    return (moment.replace(**cut) - _EPOCH).total_seconds()  # type: ignore[arg-type]  # parts of a date and time
