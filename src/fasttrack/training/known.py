"""The rows of a table that a stored model takes, as its pipeline and its graph want them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from fasttrack.contract.frame import matrix_from_frame, pipeline_input
from fasttrack.errors import DataError
from fasttrack.training.table import check_finite, missing, series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Contract, Kind, Target
    from fasttrack.data import Source

__all__ = ["as_served", "known_rows", "labelled_rows"]

_SHOWN = 5
"""Labels in a message."""


def known_rows(contract: Contract, source: Source, sample: int | None = None) -> pd.DataFrame:
    """The rows [n, f] with all that the contract needs, its columns by number.

    Of many rows a random `sample` may do. Raises DataError when the table lacks a column, or has no such row.
    """
    return _columns(contract, _rows(contract, source, sample, {}))


def labelled_rows(contract: Contract, source: Source, sample: int | None = None) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """As `known_rows`, of those that have a target, and the targets [n], read as the kind that the model answers with.

    Raises DataError also when no label is one that the model knows, or a number is infinite.
    """
    target = contract.target
    if target.name not in source.names:
        raise DataError(f"{source.name} has no column {target.name!r}: without what was true nothing can be measured")
    table = _rows(contract, source, sample, {target.name: _kind(target)})
    answer = table.column(target.name)
    check_finite(answer, target.name, source.name)
    truth = series(answer)[0]
    if target.classes is not None and not truth.isin(target.classes).any():
        raise DataError(
            f"{source.name}: no label in {target.name!r} is one that the model knows: {_some(truth.unique().tolist())} "
            f"there, {_some(target.classes)} at training; bring rows with its labels, or train on these"
        )
    return _columns(contract, table), truth


def _kind(target: Target) -> Kind:
    """What the target was read as for training: the same cells are other labels as text, truth or number."""
    label = None if target.classes is None else target.classes[0]
    if isinstance(label, str):
        return "category"
    if isinstance(label, bool):
        return "boolean"
    return "integer" if isinstance(label, int) else "number"


def _some(labels: Sequence[Any]) -> str:
    shown = ", ".join(repr(label) for label in labels[:_SHOWN])
    return shown + (", …" if len(labels) > _SHOWN else "")


def _rows(contract: Contract, source: Source, sample: int | None, besides: Mapping[str, Kind]) -> pa.Table:
    """The rows that lack nothing the contract needs, and none of the columns that are wanted `besides` as a kind."""
    there = set(source.names)
    needed = [column.name for column in contract.columns if not column.nullable]
    lacking = [name for name in needed if name not in there]
    if lacking:
        raise DataError(f"{source.name} lacks columns that the model needs: {', '.join(map(repr, lacking))}")
    kinds = {column.name: column.kind for column in contract.columns if column.name in there}
    if not kinds:
        raise DataError(f"{source.name} has none of the model's columns: {', '.join(map(repr, contract.names))}")
    table = source.read(kinds={**kinds, **besides}, columns=[*kinds, *besides], rows=sample)
    keep = np.ones(table.num_rows, dtype=bool)
    for name in (*needed, *besides):
        keep &= pc.invert(missing(table.column(name))).to_numpy()
    if not keep.any():
        wanted = "".join(f" and {name!r}" for name in besides)
        raise DataError(f"{source.name} has no row with every value that the model needs{wanted}")
    return table.take(np.flatnonzero(keep))


def _columns(contract: Contract, table: pa.Table) -> pd.DataFrame:
    there = set(table.column_names)
    columns = [
        series(table.column(column.name))[0] if column.name in there else pd.Series([None] * table.num_rows)
        for column in contract.columns
    ]
    return pd.DataFrame(dict(enumerate(columns)))


def as_served(contract: Contract, frame: pd.DataFrame) -> tuple[NDArray[np.float64], Any]:
    """The matrix float64[n, f] that stands for `frame`, as of `known_rows`, and what the pipeline is handed for it."""
    matrix = matrix_from_frame(contract, frame)
    words = {
        j: frame.iloc[:, j].astype(object).where(frame.iloc[:, j].notna(), None).tolist()
        for j, column in enumerate(contract.columns)
        if column.kind == "category"
    }
    return matrix, pipeline_input(contract, matrix, words)
