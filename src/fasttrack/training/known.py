"""The rows of a table that a stored model accepts, in the form that its pipeline and its graph take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from fasttrack.contract.frame import matrix_from_frame, pipeline_input, words_from_frame
from fasttrack.errors import DataError
from fasttrack.training.table import check_finite, missing, series
from fasttrack.training.weights import row_weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Contract
    from fasttrack.data import Source
    from fasttrack.data.whole_columns import KnownColumn

__all__ = ["as_served", "known_rows", "labelled_rows"]

_MOST_LABELS = 5
"""Labels that a message lists."""


def known_rows(contract: Contract, source: Source, sample: int | None = None) -> pd.DataFrame:
    """The rows [n, f] that have every value that the contract needs; the columns are numbered in its order.

    `sample`: read a random sample of this many rows. Raises DataError when the table has no such
    column or row.
    """
    return _columns(contract, _rows(contract, source, sample, {}))


def labelled_rows(
    contract: Contract, source: Source, sample: int | None = None, weight: str | None = None
) -> tuple[pd.DataFrame, pd.Series[Any], NDArray[np.float64] | None]:
    """As `known_rows`, but only rows with a target, and the targets [n], read as the kind that the model predicts.

    `weight`: the column with the weights of the rows, which are returned too if the table has it.

    Raises DataError also when the model knows none of the labels, or a number is infinite.
    """
    target = contract.target
    if target.name not in source.names:
        raise DataError(f"{source.name} has no column {target.name!r}: without true values nothing can be measured")
    weighted = weight if weight in source.names else None
    more = {target.name: (target.kind, target.reading)}
    table = _rows(contract, source, sample, more, [weighted] if weighted else [])
    cells = table.column(target.name)
    check_finite(cells, target.name, source.name)
    truth = series(cells)[0]
    if target.classes is not None and not truth.isin(target.classes).any():
        raise DataError(
            f"{source.name}: the model knows no label in {target.name!r}: {_listed(truth.unique().tolist())} there, "
            f"{_listed(target.classes)} in training; use rows with its labels, or train on these"
        )
    weights = None
    if weighted is not None:
        weights = row_weights(table.column(weighted), weighted, source.name, np.arange(table.num_rows))
    return _columns(contract, table), truth, weights


def _listed(labels: Sequence[Any]) -> str:
    return ", ".join(repr(label) for label in labels[:_MOST_LABELS]) + (", …" if len(labels) > _MOST_LABELS else "")


def _rows(
    contract: Contract,
    source: Source,
    sample: int | None,
    more: Mapping[str, KnownColumn],
    optional: Sequence[str] = (),
) -> pa.Table:
    """The rows with every value that the contract needs, and one in each column of `more`; and columns `optional`."""
    needed = [column.name for column in contract.columns if not column.nullable]
    absent = [name for name in needed if name not in source.names]
    if absent:
        raise DataError(f"{source.name} lacks columns that the model needs: {', '.join(map(repr, absent))}")
    known = {column.name: (column.kind, column.reading) for column in contract.columns if column.name in source.names}
    if not known:
        raise DataError(f"{source.name} has none of the model's columns: {', '.join(map(repr, contract.names))}")
    columns = list(dict.fromkeys([*known, *more, *optional]))
    table = source.read(known={**known, **more}, columns=columns, rows=sample)
    keep = np.ones(table.num_rows, dtype=bool)
    for name in (*needed, *more):
        keep &= pc.invert(missing(table.column(name))).to_numpy()
    if not keep.any():
        also = "".join(f" and {name!r}" for name in more)
        raise DataError(f"{source.name} has no row with every value that the model needs{also}")
    return table.take(np.flatnonzero(keep))


def _columns(contract: Contract, table: pa.Table) -> pd.DataFrame:
    columns = [
        series(table.column(column.name))[0]
        if column.name in table.column_names
        else pd.Series([None] * table.num_rows)
        for column in contract.columns
    ]
    return pd.DataFrame(dict(enumerate(columns)))


def as_served(contract: Contract, frame: pd.DataFrame) -> tuple[NDArray[np.float64], Any]:
    """The matrix float64[n, f] for `frame`, as `known_rows` returns it, and the pipeline's input for the same rows."""
    matrix = matrix_from_frame(contract, frame)
    return matrix, pipeline_input(contract, matrix, words_from_frame(contract, frame))
