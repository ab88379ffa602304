"""Tabulating transformers of categories: at compile time, scikit-learn itself transforms every code.

The tables therefore follow all rules of an encoder (drop, unknown, infrequent, missing) by construction.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pandas as pd
import spox.opset.ai.onnx.ml.v5 as ml

from fasttrack.compiler.columns import Block, CodedColumn, Columns, DatetimeColumn, Feature, NumberColumn, TextInput
from fasttrack.compiler.graph_matrix import as_block, gather_columns
from fasttrack.compiler.input_validation import refuse_cells, require_finite
from fasttrack.compiler.not_compilable import NotCompilable
from fasttrack.contract.frame import frame_from_matrix

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fasttrack.contract import Contract

__all__ = ["encode_numbers", "input_cells", "refuse_unknown", "tabulate"]


def input_cells(contract: Contract, column: int, codes: NDArray[np.float64]) -> Any:
    """What the pipeline's input frame holds in a column of the contract for `codes`: a pandas Series."""
    single_column = msgspec.structs.replace(contract, columns=[contract.columns[column]])
    return frame_from_matrix(single_column, codes[:, None]).iloc[:, 0]


def tabulate(
    transformer: Any,
    x: Columns,
    owners: Sequence[int],
    transform: Callable[[Any], Any] | None = None,
    skipped: Sequence[NDArray[np.bool_]] | None = None,
) -> list[CodedColumn | None]:
    """The columns that `transformer` makes of `x`, where output i depends on input `owners[i]` alone.

    `None` for an output whose owner is not a CodedColumn. `skipped`: for each input, the cells not to transform.
    """
    length = max((len(feature.cells) for feature in x if isinstance(feature, CodedColumn)), default=1)
    inputs = [
        _padded_cells(feature, length, skipped[i] if skipped is not None else None) for i, feature in enumerate(x)
    ]
    outputs = _split_columns((transform or transformer.transform)(_container(transformer, inputs)))
    if len(outputs) != len(owners):
        raise NotCompilable(f"it makes {len(outputs)} columns where {len(owners)} were expected")
    tables: list[CodedColumn | None] = []
    for output, owner in zip(outputs, owners, strict=True):
        feature = x.features[owner]
        if isinstance(feature, CodedColumn):
            tables.append(replace(feature, cells=output[: len(feature.cells)]))
        else:
            tables.append(None)
    return tables


def encode_numbers(x: Columns, categories: Sequence[NDArray[Any]]) -> Columns:
    """`x` with CodedColumns in place of NumberColumns: the numbers in `categories[i]` become the codes of column i."""
    return x.with_features(
        _encode_number(x, feature, known) if isinstance(feature, NumberColumn) else feature
        for feature, known in zip(x, categories, strict=True)
    )


def refuse_unknown(encoder: Any, x: Columns, *, allowed: bool) -> list[NDArray[np.bool_]]:
    """For each column, the cells that `encoder` does not know. They are refused unless `allowed`.

    Raises NotCompilable if the encoder knows a category for which the contract has no code.
    """
    for feature in x:
        _require_categories(feature)
    columns = [feature for feature in x if isinstance(feature, CodedColumn)]
    length = max(len(column.cells) for column in columns)
    inputs = _container(encoder, [_padded_cells(column, length, None) for column in columns])
    _, known = encoder._transform(
        inputs,
        handle_unknown="ignore",
        ensure_all_finite="allow-nan",
        ignore_category_indices=getattr(encoder, "_missing_indices", None),  # as its own transform does
    )
    unknown = []
    for i, column in enumerate(columns):
        _check_categories(x, column, encoder.categories_[i])
        cells = ~known[: len(column.cells), i]
        if not allowed:
            refuse_cells(x.state, column, cells)
        unknown.append(cells)
    return unknown


def _require_categories(feature: Feature) -> None:
    if isinstance(feature, TextInput):
        raise NotCompilable("its input is free text, which has no categories; put a vectorizer before it")


def _check_categories(x: Columns, column: CodedColumn, categories: NDArray[Any]) -> None:
    """Raise NotCompilable if a word among the encoder's `categories` is not among the cells."""
    cells = set(np.asarray(column.cells, dtype=object))
    without_code = [word for word in categories.tolist() if isinstance(word, str) and word not in cells]
    if without_code and column.origin is not None:
        raise NotCompilable(
            f"it knows {len(without_code):,} categories that the contract does not have in column "
            f"{x.state.column_name(column.origin)}"
        )


def _padded_cells(feature: Feature, length: int, skipped: NDArray[np.bool_] | None) -> Any:
    """The cells, padded to `length`. A cell that is not skipped replaces the skipped ones and fills the padding."""
    if isinstance(feature, DatetimeColumn):
        raise NotCompilable("its input is a date and time; extract calendar features first")
    _require_categories(feature)
    cells = feature.cells if isinstance(feature, CodedColumn) else np.zeros(1)
    included = np.arange(len(cells)) if skipped is None else np.flatnonzero(~skipped)
    if not len(included):
        raise NotCompilable("it refuses every value of a column")
    indices = np.full(length, included[0])
    indices[included] = included
    return cells.iloc[indices].reset_index(drop=True) if hasattr(cells, "iloc") else np.asarray(cells)[indices]


def _container(transformer: Any, columns: list[Any]) -> Any:
    """The columns as a DataFrame or an array, whichever the transformer was fitted on."""
    names = getattr(transformer, "feature_names_in_", None)
    if names is not None:
        frame = pd.DataFrame(dict(enumerate(columns)))
        frame.columns = pd.Index(names)
        return frame
    arrays = [np.asarray(column) for column in columns]
    fitted = [*getattr(transformer, "categories_", ()), np.asarray(getattr(transformer, "statistics_", ()))]
    all_numeric = all(array.dtype.kind in "fiub" for array in [*arrays, *fitted])
    matrix = np.empty((len(arrays[0]), len(arrays)), dtype=np.result_type(*arrays) if all_numeric else object)
    for i, array in enumerate(arrays):
        matrix[:, i] = array
    return matrix


def _split_columns(table: Any) -> list[Any]:
    """The columns of a DataFrame, an array or a sparse matrix."""
    if hasattr(table, "iloc"):
        return [table.iloc[:, i] for i in range(table.shape[1])]
    dense = table.toarray() if hasattr(table, "toarray") else np.asarray(table)
    return [np.ascontiguousarray(dense[:, i]) for i in range(dense.shape[1])]


def _encode_number(x: Columns, number: NumberColumn, categories: NDArray[Any]) -> CodedColumn:
    """The numbers in `categories` as codes 0, 1, …; others become −1, NaN stays NaN."""
    state = x.state
    keys = np.array([key for key in np.asarray(categories, dtype=object) if not _is_missing(key)], dtype=np.float64)
    other = _number_not_in(keys)
    only_filled = not number.steps or all(step.operation == "fill" for step in number.steps)
    if number.block is state.matrix and number.origin is not None and only_filled:
        origin = number.origin or 0
        column = state.contract.columns[origin]
        is_float = bool(number.steps) or state.contract.input == "array"
        missing = np.nan if column.nullable else other
        if column.kind == "boolean":
            keys, other = np.array([0.0, 1.0]), 0.0
        values = np.append(keys, [other, missing])
        cells: Any = number.evaluate(values) if is_float else input_cells(state.contract, origin, values)
        if column.kind == "boolean":  # its values are the codes
            return CodedColumn(state.matrix, number.index, cells, origin)
        block, index = state.matrix, number.index
    else:
        require_finite(x.with_features([number]), allow_missing=True)
        block, index, cells = as_block(x.with_features([number])), 0, np.append(keys, [other, np.nan])
    codes = ml.label_encoder(
        gather_columns(block, [index]),
        keys_tensor=np.append(keys, np.nan),
        values_tensor=np.append(np.arange(len(keys), dtype=np.float64), np.nan),
        default_tensor=np.array([-1.0]),
    )
    return CodedColumn(Block(codes, 1), 0, cells, number.origin, tuple(sorted(keys.tolist())))


def _number_not_in(keys: NDArray[np.float64]) -> float:
    """The smallest non-negative integer that is not among `keys`."""
    return float(next(number for number in range(len(keys) + 1) if number not in keys))


def _is_missing(key: Any) -> bool:
    return key is None or key != key
