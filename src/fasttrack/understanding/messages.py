"""The findings about a table: each in one sentence, with the option that changes what the training does."""

from __future__ import annotations

import math
import shlex
from typing import TYPE_CHECKING, Literal

from fasttrack.contract.finding import TableFinding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fasttrack.understanding.leaks import Leak
    from fasttrack.understanding.sums import PartsOfTarget

__all__ = [
    "duplicates_finding",
    "entity_finding",
    "identifier_finding",
    "leak_finding",
    "order_finding",
    "parts_finding",
]


def identifier_finding(column: str, reason: str) -> TableFinding:
    """FT102: a column was left out because it identifies rows."""
    message = f"{column!r} is left out: {reason}; to use it: {_options('keep', [column])}"
    return TableFinding(code="FT102", level="note", message=message, columns=[column])


def leak_finding(leak: Leak, target: str, *, regression: bool) -> TableFinding:
    """FT103: a column alone predicts the target; FT109: it is known only after the outcome."""
    share = _percent(leak.explained)
    explains = (
        f"explains {share} of {target!r}"
        if regression
        else f"predicts {target!r} with {share} fewer errors than guessing the most frequent label"
    )
    match leak.reason:
        case "values":
            what = f"{leak.column!r} alone {explains}"
        case "missing":
            what = f"whether {leak.column!r} has a value {explains}"
        case "filled":
            what = f"{leak.column!r} has a value only where {target!r} is {leak.label!r} ({leak.rows:,} rows)"
        case "name":
            what = f"{leak.column!r} is named as if it was made from {target!r}, and alone {explains}"
    return TableFinding(
        code="FT103" if leak.reason == "values" else "FT109",
        level="caution",
        message=f"{what}; is it known when you predict? If not: {_options('ignore', [leak.column])}",
        columns=[leak.column],
        figure=leak.explained,
    )


def parts_finding(parts: PartsOfTarget, target: str) -> TableFinding:
    """FT104: columns add up to the target."""
    message = f"{parts} = {target!r}; are they all known when you predict? If not: {_options('ignore', parts.columns)}"
    return TableFinding(code="FT104", level="caution", message=message, columns=parts.columns)


def duplicates_finding(repeated: int, rows: int, *, copies: bool, crossing: int) -> TableFinding:
    """FT105: rows repeat an earlier one; `crossing`: hold-out rows that are also among the training rows."""
    message = f"{repeated:,} of {rows:,} rows repeat an earlier row"
    if not copies:
        message += (
            "; they do not count as copies: few combinations of values are possible, or rows with the same features "
            "have different targets"
        )
    elif crossing:
        message += f", and {crossing:,} hold-out rows are also among the training rows; a random split keeps them apart"
    else:
        message += "; identical rows are on one side of the split"
    level: Literal["note", "caution"] = "caution" if copies and crossing else "note"
    return TableFinding(code="FT105", level=level, message=message, figure=repeated / rows)


def entity_finding(column: str, rows_each: float, *, chosen: bool) -> TableFinding:
    """FT106: several rows of one entity. `chosen`: whether the split is one by this column already."""
    message = f"{column!r} has {rows_each:.1f} rows for each value on average, with similar targets; "
    if chosen:
        message += "split.method auto holds out whole groups of it"
    else:
        message += (
            "with a random split, the metrics are too optimistic for new values. To measure on new values: "
            f"--split-method group --split-column {shlex.quote(column)}"
        )
    return TableFinding(
        code="FT106", level="note" if chosen else "caution", message=message, columns=[column], figure=rows_each
    )


def order_finding(column: str, *, chosen: bool) -> TableFinding:
    """FT107: the rows are in the order of time. `chosen`: whether the split is one by this column already."""
    message = f"the rows are in the order of {column!r}; "
    if chosen:
        message += "split.method auto holds out the latest rows"
    else:
        message += (
            "with a random split, the metrics are too optimistic for later rows. To measure on the latest rows: "
            f"--split-method time --split-column {shlex.quote(column)}"
        )
    return TableFinding(code="FT107", level="note" if chosen else "caution", message=message, columns=[column])


def _options(name: str, columns: Sequence[str]) -> str:
    return " ".join(f"--{name} {shlex.quote(column)}" for column in columns)


def _percent(share: float) -> str:
    """The share in percent, rounded down, so that only a share of 1 is 100 %."""
    tenths = math.floor(share * 1000 + 1e-9)
    return f"{tenths // 10} %" if tenths % 10 == 0 else f"{tenths / 10:.1f} %"
