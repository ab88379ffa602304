"""From an Arrow table to the frame that a pipeline is fitted on, by the same rules in every training."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.errors import DataError, TrainingError
from fasttrack.suggestions import names_hint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fasttrack.contract.schema import Kind

__all__ = ["TrainingTable", "check_columns", "check_finite", "prepare"]

_EXACT = 2**53
_IGNORED = "ignored as configured"
_MANY = 20
"""With fewer rows than this, values may be distinct by chance."""
_IDENTIFIER = re.compile(
    r"(?i:(^|[_\W])(id|key|uuid|guid|index|idx|rowid|row|nr|no)$|^unnamed: 0$|^$)|[a-z](ID|Id|Key|Index)$"
)


@dataclass(frozen=True)
class TrainingTable:
    """Features `X` [n, f] and target `y` [n] of the rows that have a target, and what was left out."""

    X: pd.DataFrame
    y: pd.Series[Any]
    kinds: dict[str, Kind]
    dropped_rows: int
    left_out: dict[str, str]
    notes: list[str]
    kept: np.ndarray[Any, np.dtype[np.int64]]
    """The rows of the table that are in `X` and `y`."""


def check_columns(names: Sequence[str], needed: Sequence[str], name: str) -> None:
    """Raise DataError when a needed column is not among the columns `names` of the table called `name`."""
    for column in needed:
        if column not in names:
            raise DataError(f"{name} has no column {column!r}{names_hint(column, names)}")


def check_finite(cells: pa.ChunkedArray, target: str, name: str) -> None:
    """Raise DataError when the target's `cells` in the table called `name` have infinite values."""
    if pa.types.is_floating(cells.type) and pc.any(pc.is_inf(cells)).as_py():
        raise DataError(
            f"{name}: the target {target!r} has infinite values, for which no error can be measured; "
            "replace them with finite numbers or missing values"
        )


def prepare(
    table: pa.Table,
    target: str,
    *,
    ignore: Sequence[str] = (),
    unread: Sequence[str] = (),
    keep: Sequence[str] = (),
    name: str = "the table",
    notes: Sequence[str] = (),
) -> TrainingTable:
    """Separate `table` into features and target; leave out the columns that cannot be features, each with its reason.

    Columns in `keep` are always kept; `unread` are ignored columns that were not read; `notes` say how it was read.
    Raises DataError when the target or an ignored column does not exist, the target has infinite values, or nothing is
    left to train on.
    """
    check_columns([*table.column_names, *unread], (target, *ignore), name)
    cells = table.column(target)
    kept = np.flatnonzero(pc.invert(missing(cells)).to_numpy())
    if not len(kept):
        raise DataError(f"{name}: the target {target!r} has no value in any row, so there is nothing to learn")
    check_finite(cells, target, name)
    dropped = table.num_rows - len(kept)
    rows = table.take(pa.array(kept)) if dropped else table
    left_out = dict.fromkeys(unread, _IGNORED)
    all_notes = [*notes]
    features: dict[str, pd.Series[Any]] = {}
    kinds: dict[str, Kind] = {}
    for column_name in rows.column_names:
        column = rows.column(column_name)
        if column_name == target:
            continue
        reason = _IGNORED if column_name in ignore else unusable(column_name, column)
        if reason is not None and not (column_name in keep and column_name not in ignore):
            left_out[column_name] = reason
            continue
        features[column_name], kinds[column_name] = series(column)
        if pa.types.is_integer(column.type) and _past_float64(column):
            all_notes.append(f"{column_name!r} has whole numbers above 2^53, which a 64-bit float rounds")
    if not features:
        reasons = "; ".join(f"{column!r} is {reason}" for column, reason in left_out.items())
        raise TrainingError(f"{name} has no column to learn from: {reasons or 'it has only the target'}")
    X = pd.DataFrame(dict(enumerate(features.values())))
    X.columns = pd.Index(list(features))
    return TrainingTable(X, series(rows.column(target))[0], kinds, dropped, left_out, all_notes, kept)


def missing(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Boolean for each cell: whether it is null or NaN."""
    return pc.is_null(column, nan_is_null=True)


def series(column: pa.ChunkedArray) -> tuple[pd.Series[Any], Kind]:
    """A column as the pipeline gets it, and its kind.

    Whole numbers and booleans with missing cells become float64 with NaN; text becomes pandas' `str`, dates and times
    become UTC timestamps.
    """
    has_missing = column.null_count > 0
    kind = kind_of(column.type)
    match kind:
        case "boolean" if has_missing:
            return pd.Series(pc.cast(column, pa.int8()).to_numpy(zero_copy_only=False).astype(np.float64)), kind
        case "integer" if has_missing:
            return pd.Series(pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)), kind
        case "category":
            return pd.Series(column.to_numpy(zero_copy_only=False), dtype="str"), kind
        case "datetime":
            return column.to_pandas(), kind
        case _:
            return pd.Series(column.to_numpy(zero_copy_only=False)), kind


def kind_of(kind: pa.DataType) -> Kind:
    """The contract's kind for an Arrow type. Raises DataError for a type that a JSON request cannot contain."""
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_floating(kind):
        return "number"
    if pa.types.is_timestamp(kind):
        return "datetime"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "category"
    raise DataError(f"a column of type {kind} cannot be used; convert it to numbers, true/false, text or timestamps")


def unusable(name: str, column: pa.ChunkedArray) -> str | None:
    """Why `column` cannot be a feature; `None` if it can.

    Text that never repeats identifies its rows. Whole numbers that never repeat may be a quantity, so the column's name
    decides.
    """
    if column.null_count == len(column) or pc.all(missing(column)).as_py():
        return "all missing"
    try:
        kind = kind_of(column.type)
    except DataError:
        return f"of type {column.type}, which a JSON request cannot contain"
    distinct = pc.count_distinct(column, mode="only_valid").as_py()
    valid = len(column) - column.null_count
    if distinct == 1 and valid == len(column):
        return "constant"
    if distinct == valid >= _MANY and (kind == "category" or (kind == "integer" and _IDENTIFIER.search(name))):
        return "a unique identifier"
    return None


def _past_float64(column: pa.ChunkedArray) -> bool:
    bounds = pc.min_max(column).as_py()
    return bounds["max"] is not None and max(abs(bounds["max"]), abs(bounds["min"])) > _EXACT
