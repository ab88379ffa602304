"""What a feature looks like in a table: a small histogram, and a line about its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fasttrack.contract.datetime_text import format_datetime
from fasttrack.contract.disclosure import frequent_range
from fasttrack.contract.openapi import label_key
from fasttrack.contract.published import category_count, published_labels
from fasttrack.report.formatting import format_number, format_percent
from fasttrack.report.labels import isolate, shorten

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Column, Contract

    Floats = NDArray[np.float64]

__all__ = ["FeatureProfile", "feature_profiles"]

_BARS, _MOST_BARS = 24, 40
_CATEGORIES = 20
_NAMED = 3
_LONGEST_LABEL = 60


@dataclass(frozen=True)
class FeatureProfile:
    """`missing` is a share of all rows; `bars` are shares of the rows with a value."""

    column: int
    missing: float
    values: str
    bars: list[float]


def feature_profiles(contract: Contract, matrix: Floats, order: list[int]) -> list[FeatureProfile]:
    """The profiles of the columns in `order`, from float64[n, f] rows."""
    return [_profile(contract.columns[j], j, matrix[:, j], contract.min_rows) for j in order]


def _profile(column: Column, index: int, values: Floats, min_rows: int) -> FeatureProfile:
    known = values[np.isfinite(values)]
    missing = 1 - len(known) / max(len(values), 1)
    if not len(known):
        return FeatureProfile(index, missing, "no values", [])
    if column.kind == "category":
        return _category_profile(column, index, known, missing)
    if column.kind == "boolean":
        true = float(np.mean(known > 0))
        return FeatureProfile(index, missing, f"true {format_percent(true)}", [1 - true, true])
    bars = _histogram_shares(column, known)
    bounds = frequent_range(known, column.kind, min_rows)
    if bounds is None or column.hidden:
        return FeatureProfile(index, missing, "range not shown", bars)
    form = (lambda value: format_datetime(value)[:10]) if column.kind == "datetime" else format_number
    quantiles = np.quantile(known, [0.05, 0.5, 0.95], method="inverted_cdf")
    low, five, median, ninety_five, high = map(form, [bounds[0], *np.clip(quantiles, *bounds).tolist(), bounds[1]])
    exact = bounds == (known.min(), known.max())
    unit = " characters" if column.kind == "text" else ""
    spread = f"90\u00a0% of them from {five} to {ninety_five}"
    text = f"{'' if exact else 'about '}{low} to {high}{unit}, median {median}, {spread}"
    return FeatureProfile(index, missing, text, bars)


def _category_profile(column: Column, index: int, codes: Floats, missing: float) -> FeatureProfile:
    count, labels = category_count(column), published_labels(column)
    if not count:
        return FeatureProfile(index, missing, "free text", [])
    counts = np.bincount(codes[codes >= 0].astype(np.intp), minlength=count)
    order = np.argsort(-counts, kind="stable")
    shares = counts / len(codes)
    frequent = [code for code in order.tolist() if counts[code] and code in labels][:_NAMED]
    names = [isolate(shorten(label_key(labels[code]), _LONGEST_LABEL)) for code in frequent]
    named = ", ".join(f"{name} {format_percent(float(shares[i]))}" for name, i in zip(names, frequent, strict=True))
    text = f"{count:,} values{': ' if named else ''}{named}{', …' if named and count > len(frequent) else ''}"
    if count > _CATEGORIES:
        text += f"; bars: the {_CATEGORIES} most frequent"
    return FeatureProfile(index, missing, text, shares[order[:_CATEGORIES]].tolist())


def _histogram_shares(column: Column, known: Floats) -> list[float]:
    """The shares of equally wide bins; the outermost half percent at each end counts into the first and last bin."""
    low, high = np.quantile(known, [0.005, 0.995], method="inverted_cdf").tolist()
    if not high > low:
        low, high = float(known.min()), float(known.max())
    if column.kind in ("integer", "text"):
        # bins with equally many whole numbers, because a bin with one more would stand out
        width = 1.0 if high - low < _MOST_BARS else np.ceil((high - low + 1) / _BARS)
        edges = np.arange(low - 0.5, high + 0.5 + width, width)
        edges = edges[: np.searchsorted(edges, high + 0.5) + 1]
    else:
        distinct = np.unique(known)
        if len(distinct) <= _BARS:
            return [float(share) for share in np.bincount(np.searchsorted(distinct, known)) / len(known)]
        edges = np.linspace(low, high, _BARS + 1)
    counts, _ = np.histogram(np.clip(known, low, high), bins=edges)
    return [float(share) for share in counts / len(known)]
