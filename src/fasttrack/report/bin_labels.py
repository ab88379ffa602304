"""The bins of a column, labelled for readers of the report."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from fasttrack.contract.datetime_text import format_datetime
from fasttrack.contract.published import published_quantiles
from fasttrack.metrics.reference import MISSING, OTHERS, Bins
from fasttrack.report.formatting import format_number

if TYPE_CHECKING:
    from fasttrack.contract.schema import Column

__all__ = ["bin_labels", "segment_bins"]

_WHOLE = ("integer", "text")
_UNITS = {"text": " characters"}
_DECILES = slice(2, 19, 2)
"""The places of the 10, 20, … 90 % quantiles among the 0, 5, … 100 % quantiles."""


def segment_bins(column: Column, reference_bins: Bins) -> Bins:
    """The bins of the training reference; a datetime has none there, so it is cut at its training deciles."""
    quantiles = published_quantiles(column)
    if column.kind != "datetime" or len(quantiles) != 21:
        return reference_bins
    edges = sorted({edge for edge in quantiles[_DECILES] if edge < quantiles[-1]})
    names = [f"{i:02d}" for i in range(len(edges) + 1)]
    return msgspec.structs.replace(reference_bins, names=[*names, MISSING], edges=edges, shares=[])


def bin_labels(column: Column, bins: Bins) -> list[str]:
    """A label for each bin: `20 to 35`, `over 35`, `= UA`, `missing`."""
    if bins.codes:
        rest = "any of the rarer values" if len(bins.names) > 3 else "any known value"
        own = [rest if name == OTHERS else _category_label(name) for name in bins.names[:-2]]
        return [*own, "a value not seen in training", "missing"]
    if column.kind == "boolean":
        return ["= false", "= true", "missing"]
    if not bins.edges or column.hidden:
        return [*("any value" for _ in bins.names[:-1]), "missing"]
    labels = [f"up to {_format_edge(column, bins.edges[0])}"]
    for low, high in pairwise(bins.edges):
        if column.kind not in _WHOLE:
            labels.append(f"over {_format_edge(column, low)} to {_format_edge(column, high)}")
        elif high - low == 1:
            labels.append(f"= {_format_edge(column, high)}")
        else:
            labels.append(f"{_format_edge(column, low + 1)} to {_format_edge(column, high)}")
    return [*labels, f"over {_format_edge(column, bins.edges[-1])}", "missing"]


def _category_label(name: str) -> str:
    """The label of the bin of one category, whose name has no word where it may not be published."""
    word = name.partition(" ")[2]
    return f"= {word}" if word else "a value that is not shown"


def _format_edge(column: Column, value: float) -> str:
    if column.kind == "datetime":
        return format_datetime(value)[:16].replace("T", " ")
    return f"{value:,.0f}{_UNITS.get(column.kind, '')}" if column.kind in _WHOLE else format_number(value)
