"""Categories are tabulated, not computed: scikit-learn itself is asked what it makes of every code.

That carries over every rule of an encoder (drop, unknown, infrequent, missing) by construction.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pandas as pd
import spox.opset.ai.onnx.ml.v5 as ml

from fasttrack.compiler.checks import note_refused, refuse
from fasttrack.compiler.columns import Block, Columns, Feature, Moment, Number, Table
from fasttrack.compiler.errors import NotCompilable
from fasttrack.compiler.matrix import as_block, picked
from fasttrack.contract.frame import frame_from_matrix

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fasttrack.contract import Contract

__all__ = ["coded", "first_cells", "refuse_unknown", "tabulated"]


def first_cells(contract: Contract, column: int, codes: NDArray[np.float64]) -> Any:
    """What the pipeline's frame holds in one column of the contract for `codes`: a pandas Series."""
    alone = msgspec.structs.replace(contract, columns=[contract.columns[column]])
    return frame_from_matrix(alone, codes[:, None]).iloc[:, 0]


def tabulated(
    transformer: Any,
    x: Columns,
    owners: Sequence[int],
    transform: Callable[[Any], Any] | None = None,
    skipped: Sequence[NDArray[np.bool_]] | None = None,
) -> list[Table | None]:
    """The columns that `transformer` makes of `x`; output i must depend on input `owners[i]` alone.

    `None` for an output whose owner is not a table. `skipped`: by input, the cells not to ask for.
    """
    length = max((len(one.cells) for one in x if isinstance(one, Table)), default=1)
    asked = [_padded(one, length, skipped[i] if skipped is not None else None) for i, one in enumerate(x)]
    made = (transform or transformer.transform)(_container(transformer, asked))
    columns = _columns_of(made)
    if len(columns) != len(owners):
        raise NotCompilable(f"it makes {len(columns)} columns where {len(owners)} were expected")
    found: list[Table | None] = []
    for column, owner in zip(columns, owners, strict=True):
        feature = x.features[owner]
        found.append(replace(feature, cells=column[: len(feature.cells)]) if isinstance(feature, Table) else None)
    return found


def coded(x: Columns, categories: Sequence[NDArray[Any]]) -> Columns:
    """`x` with tables in place of numbers: by column, the numbers among `categories` become codes."""
    return x.of(
        _coded(x, feature, known) if isinstance(feature, Number) else feature
        for feature, known in zip(x, categories, strict=True)
    )


def refuse_unknown(encoder: Any, x: Columns, *, allowed: bool) -> list[NDArray[np.bool_]]:
    """By column, the cells that `encoder` does not know; notes them as refused unless they are `allowed`.

    Raises NotCompilable where the encoder knows a category that the contract has no code for.
    """
    tables = [one for one in x if isinstance(one, Table)]
    length = max(len(one.cells) for one in tables)
    asked = _container(encoder, [_padded(one, length, None) for one in tables])
    _, known = encoder._transform(
        asked,
        handle_unknown="ignore",
        ensure_all_finite="allow-nan",
        ignore_category_indices=getattr(encoder, "_missing_indices", None),  # as its own transform does
    )
    unknown = []
    for i, one in enumerate(tables):
        _check_codes(x, one, encoder.categories_[i])
        cells = ~known[: len(one.cells), i]
        if not allowed:
            refuse(x.scope, one, cells)
        unknown.append(cells)
    return unknown


def _check_codes(x: Columns, table: Table, categories: NDArray[Any]) -> None:
    have = set(_plain(table.cells))
    lost = [word for word in categories.tolist() if isinstance(word, str) and word not in have]
    if lost and table.origin is not None:
        raise NotCompilable(f"it knows {lost[0]!r}, which column {x.scope.name(table.origin)} of the contract does not")


def _plain(cells: Any) -> list[Any]:
    return list(np.asarray(cells, dtype=object))


def _padded(feature: Feature, length: int, skipped: NDArray[np.bool_] | None) -> Any:
    """`length` cells; skipped ones and padding repeat a cell that is asked for."""
    if isinstance(feature, Moment):
        raise NotCompilable("a date and time reaches an encoder; make numbers of it before")
    cells = feature.cells if isinstance(feature, Table) else np.zeros(1)
    wanted = np.arange(len(cells)) if skipped is None else np.flatnonzero(~skipped)
    if not len(wanted):
        raise NotCompilable("it refuses every value of a column")
    take = np.full(length, wanted[0])
    take[wanted] = wanted
    return cells.iloc[take].reset_index(drop=True) if hasattr(cells, "iloc") else np.asarray(cells)[take]


def _container(transformer: Any, columns: list[Any]) -> Any:
    """A DataFrame or an array, as the transformer was fitted on."""
    names = getattr(transformer, "feature_names_in_", None)
    if names is not None:
        frame = pd.DataFrame(dict(enumerate(columns)))
        frame.columns = pd.Index(names)
        return frame
    plain = [np.asarray(column) for column in columns]
    learned = [*getattr(transformer, "categories_", ()), np.asarray(getattr(transformer, "statistics_", ()))]
    numbers = all(column.dtype.kind in "fiub" for column in [*plain, *learned])
    made = np.empty((len(plain[0]), len(plain)), dtype=np.result_type(*plain) if numbers else object)
    for i, column in enumerate(plain):
        made[:, i] = column
    return made


def _columns_of(made: Any) -> list[Any]:
    if hasattr(made, "iloc"):
        return [made.iloc[:, i] for i in range(made.shape[1])]
    dense = made.toarray() if hasattr(made, "toarray") else np.asarray(made)
    return [np.ascontiguousarray(dense[:, i]) for i in range(dense.shape[1])]


def _coded(x: Columns, number: Number, categories: NDArray[Any]) -> Table:
    scope = x.scope
    keys = np.array([key for key in np.asarray(categories, dtype=object) if not _missing(key)], dtype=np.float64)
    other = _other_than(keys)
    raw = number.block is scope.matrix and number.origin is not None
    filled = not number.steps or all(step.operation == "fill" for step in number.steps)
    if raw and filled:
        origin = number.origin or 0
        column = scope.contract.columns[origin]
        plain = bool(number.steps) or scope.contract.input == "array"
        missing = np.nan if column.nullable else other
        if column.kind == "boolean":
            keys, other = np.array([0.0, 1.0]), 0.0
        values = np.append(keys, [other, missing])
        cells: Any = number.values(values) if plain else first_cells(scope.contract, origin, values)
        if column.kind == "boolean":  # its values are codes already
            return Table(number.block, number.index, cells, origin)
        block, index = number.block, number.index
    else:
        note_refused(x.of([number]), missing=True)
        block, index, cells = as_block(x.of([number])), 0, np.append(keys, [other, np.nan])
    codes = ml.label_encoder(
        picked(block, [index]),
        keys_tensor=np.append(keys, np.nan),
        values_tensor=np.append(np.arange(len(keys), dtype=np.float64), np.nan),
        default_tensor=np.array([-1.0]),
    )
    return Table(Block(codes, 1), 0, cells, number.origin, tuple(sorted(keys.tolist())))


def _other_than(keys: NDArray[np.float64]) -> float:
    """A small whole number that is not among `keys`."""
    return float(next(number for number in range(len(keys) + 1) if number not in keys))


def _missing(key: Any) -> bool:
    return key is None or key != key
