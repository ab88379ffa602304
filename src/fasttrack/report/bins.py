"""The bins of a column in words that a reader knows, for segments."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from fasttrack.contract.cell import format_datetime
from fasttrack.metrics.reference import MISSING, OTHERS, Bins
from fasttrack.report.words import number

if TYPE_CHECKING:
    from fasttrack.contract.schema import Column

__all__ = ["bins_of", "labels"]

_DECILES = slice(2, 19, 2)
"""Where the 10, 20, … 90 % quantiles stand among the 0, 5, … 100 % ones."""


def bins_of(column: Column, frozen: Bins) -> Bins:
    """The bins that training froze; a datetime, which has none there, is cut at its training deciles."""
    if column.kind != "datetime" or len(column.quantiles) != 21:
        return frozen
    edges = sorted({edge for edge in column.quantiles[_DECILES] if edge < column.quantiles[-1]})
    names = [f"{i:02d}" for i in range(len(edges) + 1)]
    return msgspec.structs.replace(frozen, names=[*names, MISSING], edges=edges, shares=[])


def labels(column: Column, bins: Bins) -> list[str]:
    """A text for each bin: `20 to 35`, `over 35`, `= UA`, `missing`."""
    if bins.codes:
        own = [name.partition(" ")[2] for name in bins.names[:-2] if name != OTHERS]
        others = ["another of the rarer values"] * (len(bins.names) - 2 - len(own))
        return [*(f"= {name}" for name in own), *others, "a value never seen", "missing"]
    if column.kind == "boolean":
        return ["= false", "= true", "missing"]
    if not bins.edges:
        return [*("any value" for _ in bins.names[:-1]), "missing"]
    texts = [f"up to {_shown(column, bins.edges[0])}"]
    for low, high in pairwise(bins.edges):
        if column.kind == "integer":
            texts.append(
                f"= {_shown(column, high)}"
                if high - low == 1
                else f"{_shown(column, low + 1)} to {_shown(column, high)}"
            )
        else:
            texts.append(f"over {_shown(column, low)} to {_shown(column, high)}")
    return [*texts, f"over {_shown(column, bins.edges[-1])}", "missing"]


def _shown(column: Column, value: float) -> str:
    if column.kind == "datetime":
        return format_datetime(value)[:16].replace("T", " ")
    return f"{value:,.0f}" if column.kind == "integer" else number(value)
