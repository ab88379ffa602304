"""From an Arrow table to the frame that a pipeline is fitted on, by the same rules in every training."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from fasttrack.contract.schema import WORDED
from fasttrack.data import field_findings, field_reading
from fasttrack.errors import DataError, TrainingError
from fasttrack.suggestions import names_hint
from fasttrack.training.text_choice import is_text_column
from fasttrack.training.weights import row_weights
from fasttrack.understanding.identifiers import MIN_DISTINCT, integer_identifier, text_identifier
from fasttrack.understanding.messages import identifier_finding

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from fasttrack.contract.finding import TableFinding
    from fasttrack.contract.reading import Reading
    from fasttrack.contract.schema import Kind

__all__ = ["TrainingTable", "check_columns", "check_dates", "check_finite", "prepare"]

_EXACT = 2**53
_IGNORED = "ignored as configured"
_FIRST = 1000
_NEARLY = 0.95
"""Text of which at least this fraction occurs once is as good as unique."""


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
    readings: dict[str, Reading]
    """How the texts of the features and of the target were read."""
    findings: list[TableFinding] = field(default_factory=list)
    copies: np.ndarray[Any, np.dtype[np.int64]] | None = None
    """For each row a number, the same for identical rows, once they were looked for; `None` if no row is a copy."""
    weight: np.ndarray[Any, np.dtype[np.float64]] | None = None
    """The weights of these rows, if they have any."""


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
    keep: Collection[str] | None = (),
    kinds: Mapping[str, Kind] | None = None,
    weight: str | None = None,
    name: str = "the table",
    notes: Sequence[str] = (),
) -> TrainingTable:
    """Separate `table` into features and target; leave out the columns that cannot be features, each with its reason.

    Columns in `keep` are features even if they look like identifiers; with `None`, all such columns are; `unread` are
    ignored columns that were not read. `kinds`: the kinds that the user set; a column that is set to category or text
    is not an identifier. `weight` is the column with the weights of the rows. A column of row numbers that is the only
    one is kept. `notes` say how the table was read. Raises DataError when the target, an ignored or a kept column does
    not exist, the target has infinite values, a weight cannot be used, or nothing is left to train on.
    """
    check_columns([*table.column_names, *unread], (target, *ignore, *(keep or ()), *([weight] if weight else ())), name)
    kept = _rows_with_target(table.column(target), target, name)
    dropped = table.num_rows - len(kept)
    rows = table.take(pa.array(kept)) if dropped else table
    weights = None if weight is None else row_weights(table.column(weight), weight, name, kept)
    asked = kinds or {}
    if keep is not None:
        keep = [*keep, *(column for column, kind in asked.items() if kind in WORDED)]
    left_out = dict.fromkeys(unread, _IGNORED)
    names = [column for column in rows.column_names if column != target]
    for column_name in names:
        reason = _IGNORED if column_name in ignore else unusable(rows.column(column_name))
        reason = "the weight of the rows" if column_name == weight else reason
        if reason is not None:
            left_out[column_name] = reason
    candidates = [column for column in names if column not in left_out]
    identifiers = [] if keep is None else _identifiers(rows, candidates, keep)
    left_out |= dict(identifiers)
    used = [column for column in names if column not in left_out]
    if not used:
        reasons = "; ".join(f"{column!r} is {reason}" for column, reason in left_out.items())
        raise TrainingError(f"{name} has no column to learn from: {reasons or 'it has only the target'}")
    X, found = _features(rows.select(used), asked)
    fields = [rows.schema.field(column) for column in (*used, target)]
    return TrainingTable(
        X=X,
        y=series(rows.column(target))[0],
        kinds=found,
        dropped_rows=dropped,
        left_out=left_out,
        notes=[*notes, *_rounding_notes(rows.select(used))],
        kept=kept,
        readings={field.name: field_reading(field) for field in fields},
        weight=weights,
        findings=[
            *(finding for field in fields for finding in field_findings(field)),
            *(identifier_finding(column, reason) for column, reason in identifiers),
        ],
    )


def _rows_with_target(cells: pa.ChunkedArray, target: str, name: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The rows that have a target. Raises DataError when there is none, or no model can predict such a target."""
    kept = np.flatnonzero(pc.invert(missing(cells)).to_numpy())
    if not len(kept):
        raise DataError(f"{name}: the target {target!r} has no value in any row, so there is nothing to learn")
    check_finite(cells, target, name)
    if pa.types.is_timestamp(cells.type):
        raise DataError(
            f"{name}: the target {target!r} is a date or time, which no model predicts; predict a number made of it, "
            "such as the days until then"
        )
    return kept


def _features(table: pa.Table, asked: Mapping[str, Kind]) -> tuple[pd.DataFrame, dict[str, Kind]]:
    """The columns of `table` as the pipeline gets them, and their kinds; `asked` are those that were set."""
    columns: list[pd.Series[Any]] = []
    kinds: dict[str, Kind] = {}
    for column_name, column in zip(table.column_names, table.columns, strict=True):
        cells, kind = series(column)
        if kind == "category" and (asked.get(column_name) or ("text" if is_text_column(column) else kind)) == "text":
            kind = "text"
        columns.append(cells)
        kinds[column_name] = kind
    X = pd.DataFrame(dict(enumerate(columns)))
    X.columns = pd.Index(table.column_names)
    return X, kinds


def _rounding_notes(table: pa.Table) -> list[str]:
    return [
        f"{name!r} has whole numbers above 2^53, which a 64-bit float rounds"
        for name, column in zip(table.column_names, table.columns, strict=True)
        if pa.types.is_integer(column.type) and _past_float64(column)
    ]


def _identifiers(rows: pa.Table, names: Sequence[str], keep: Collection[str]) -> list[tuple[str, str]]:
    """The columns among `names` that identify rows, and why; none if nothing else would be left to learn from."""
    reasons = [
        (name, identifies_rows(name, rows.column(name), field_findings(rows.schema.field(name))))
        for name in names
        if name not in keep
    ]
    found = [(name, reason) for name, reason in reasons if reason is not None]
    # a number that counts the rows is the feature of a table that has no other, such as a line's x
    only = len(found) == len(names) == 1 and kind_of(rows.column(names[0]).type) != "category"
    return [] if only else found


def check_dates(findings: Sequence[TableFinding], name: str) -> None:
    """Raise DataError when a column has dates of which the day and the month cannot be told apart."""
    for finding in findings:
        if finding.code == "FT120":
            raise DataError(f"{name}: {finding.message}")


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


def unusable(column: pa.ChunkedArray) -> str | None:
    """Why `column` cannot be a feature, whatever its values mean; `None` if it can."""
    if column.null_count == len(column) or pc.all(missing(column)).as_py():
        return "all missing"
    try:
        kind_of(column.type)
    except DataError:
        return f"of type {column.type}, which a JSON request cannot contain"
    if not column.null_count and pc.count_distinct(column, mode="only_valid").as_py() == 1:
        return "constant"
    return None


def identifies_rows(name: str, column: pa.ChunkedArray, findings: Sequence[TableFinding] = ()) -> str | None:
    """Why `column` names rows instead of describing them; `None` if it does not.

    Only text and whole numbers can, also whole numbers that were read as fractions because cells are missing. Dates
    and text that was written for people name nothing, however unique they are.
    """
    kind = kind_of(column.type)
    if kind not in ("category", "integer", "number"):
        return None
    if kind == "number" and not (_are_whole(column[:_FIRST]) and _are_whole(column)):
        return None
    values = pc.drop_null(column)
    distinct = pc.count_distinct(values).as_py()
    if distinct < MIN_DISTINCT or distinct < len(values) * (_NEARLY if kind == "category" else 1):
        return None
    if kind == "category" and any(finding.code == "FT122" for finding in findings):
        return None  # amounts in several notations name nothing
    if kind == "category":
        return text_identifier(pc.unique(values).to_pylist())
    numbers = values.to_numpy()
    if numbers.dtype == np.uint64 and numbers.max() > np.iinfo(np.int64).max:
        return None
    return integer_identifier(name, numbers[~np.isnan(numbers)].astype(np.int64))


def _are_whole(column: pa.ChunkedArray) -> bool:
    numbers = pc.drop_null(column).to_numpy()
    present = numbers[~np.isnan(numbers)]
    return bool(len(present)) and bool((np.abs(present) <= _EXACT).all() and (present == np.floor(present)).all())


def _past_float64(column: pa.ChunkedArray) -> bool:
    bounds = pc.min_max(column).as_py()
    return bounds["max"] is not None and max(abs(bounds["max"]), abs(bounds["min"])) > _EXACT
