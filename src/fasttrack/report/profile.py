"""What a feature looks like in a table: a small histogram, and its values in a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fasttrack.contract.cell import format_datetime
from fasttrack.contract.openapi import label_key
from fasttrack.report.words import number, percent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Column, Contract

    Floats = NDArray[np.float64]

__all__ = ["Profile", "profiles"]

_BARS, _MOST_BARS = 24, 40
_CATEGORIES = 20
_NAMED = 3


@dataclass(frozen=True)
class Profile:
    """`missing` is a share of all rows; `bars` are shares of those with a value."""

    column: int
    missing: float
    values: str
    bars: list[float]


def profiles(contract: Contract, matrix: Floats, order: list[int]) -> list[Profile]:
    """The profiles of the columns in `order`, from float64[n, f] rows."""
    return [_profile(contract.columns[j], j, matrix[:, j]) for j in order]


def _profile(column: Column, place: int, values: Floats) -> Profile:
    known = values[np.isfinite(values)]
    missing = 1 - len(known) / max(len(values), 1)
    if not len(known):
        return Profile(place, missing, "no values", [])
    if column.kind == "category":
        return _words(column, place, known, missing)
    if column.kind == "boolean":
        true = float(np.mean(known > 0))
        return Profile(place, missing, f"true {percent(true)}", [1 - true, true])
    shown = (lambda value: format_datetime(value)[:10]) if column.kind == "datetime" else number
    low, five, half, most, high = np.quantile(known, [0, 0.05, 0.5, 0.95, 1], method="inverted_cdf").tolist()
    text = f"{shown(low)} to {shown(high)}, median {shown(half)}, 9 in 10 from {shown(five)} to {shown(most)}"
    return Profile(place, missing, text, _bars(column, known))


def _words(column: Column, place: int, codes: Floats, missing: float) -> Profile:
    categories = column.categories
    if not categories:
        return Profile(place, missing, "free text", [])
    counts = np.bincount(codes[codes >= 0].astype(np.intp), minlength=len(categories))
    order = np.argsort(-counts, kind="stable")
    shares = counts / len(codes)
    named = ", ".join(f"{label_key(categories[i])} {percent(float(shares[i]))}" for i in order[:_NAMED] if counts[i])
    text = f"{len(categories):,} values: {named}{', …' if len(categories) > _NAMED else ''}"
    return Profile(place, missing, text, shares[order[:_CATEGORIES]].tolist())


def _bars(column: Column, known: Floats) -> list[float]:
    """Shares of equally wide bins; the outermost half percent at either end counts into the first and last one."""
    low, high = np.quantile(known, [0.005, 0.995], method="inverted_cdf").tolist()
    if not high > low:
        low, high = float(known.min()), float(known.max())
    if column.kind == "integer":
        # as many whole numbers in each bin, or round ones would stand out
        wide = 1.0 if high - low < _MOST_BARS else np.ceil((high - low + 1) / _BARS)
        edges = np.arange(low - 0.5, high + 0.5 + wide, wide)
        edges = edges[: np.searchsorted(edges, high + 0.5) + 1]
    else:
        distinct = np.unique(known)
        if len(distinct) <= _BARS:
            return [float(share) for share in np.bincount(np.searchsorted(distinct, known)) / len(known)]
        edges = np.linspace(low, high, _BARS + 1)
    counts, _ = np.histogram(np.clip(known, low, high), bins=edges)
    return [float(share) for share in counts / len(known)]
