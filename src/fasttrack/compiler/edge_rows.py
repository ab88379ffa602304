"""Rows where a graph is most likely wrong: tree thresholds and their neighbours, missing, unseen and extreme values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fasttrack.compiler.edge_texts import TextCodes
from fasttrack.compiler.floats import adjacent_floats
from fasttrack.contract.frame import words_of_codes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fasttrack.compiler.compilation import CompiledPipeline
    from fasttrack.contract import Column, Contract

    Floats = NDArray[np.float64]

__all__ = ["EdgeRows", "generate_edge_rows"]

_MIXED_ROWS = 1_000
_NEVER_MIXED = ("large", "huge")
_MIN_SAMPLE = 50
"""Smaller groups of values are always used completely."""
_EXTREME = {
    "zero": [0.0, -0.0],
    "tiny": [5e-324, -5e-324, 1e-300, -1e-300, 1e-20],
    "large": [1e7, -1e7, 1e18, -1e18],
    "huge": [1e39, -1e39, 1e300, -1e300, np.finfo(np.float64).max, np.finfo(np.float64).min],
}
_EXTREME_INTEGERS = {
    "zero": [0.0, -0.0],
    "large": [1e7, -1e7, 2.0**53, -(2.0**53)],
    "huge": [1e39, -1e39, 1e300, -1e300],
}
_FLOAT32_DTYPES = ("float32", "Float32", "float[pyarrow]")
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800.0, 253_402_300_799.0
"""The years 1 to 9999, in seconds since 1970."""


@dataclass(frozen=True, eq=False)
class EdgeRows:
    """Training rows with replaced values, float64[n, f].

    In row i a value of kind `kinds[i]` was put into column `columns[i]`, or into several columns if that is −1. `text`:
    the words of each column that is read as text.
    """

    matrix: Floats
    text: Mapping[int, Sequence[str | None]]
    kinds: list[str]
    columns: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.matrix)


def generate_edge_rows(
    compiled: CompiledPipeline,
    contract: Contract,
    matrix: Floats,
    text: Mapping[int, Sequence[str | None]],
    random: np.random.Generator,
    limit: int,
) -> EdgeRows:
    """Edge rows made from the training rows `matrix`, float64[n, f], and the words `text` of their columns of text.

    If there are more than about `limit`, thresholds and categories are sampled evenly.
    """
    texts = {j: TextCodes(text[j]) for j, column in enumerate(contract.columns) if column.kind == "text"}
    matrix = matrix.copy() if texts else matrix
    for j, codes in texts.items():  # a text is replaced by its number as long as rows are put together
        matrix[:, j] = codes.of_rows
    pools = [
        texts[j].edges(nullable=column.nullable) if j in texts else _edge_values(column, compiled.thresholds.get(j))
        for j, column in enumerate(contract.columns)
    ]
    share = min(1.0, limit / max(1, sum(len(values) for pool in pools for values in pool.values())))
    kinds: list[str] = []
    columns: list[int] = []
    replacements: list[float] = []
    for j, pool in enumerate(pools):
        for kind, values in pool.items():
            if share < 1 and len(values) > _MIN_SAMPLE:
                count = max(_MIN_SAMPLE, int(len(values) * share))
                values = values[np.sort(random.permutation(len(values))[:count])]
            kinds += [kind] * len(values)
            columns += [j] * len(values)
            replacements += values.tolist()
    rows = matrix[random.integers(len(matrix), size=len(replacements))].copy()
    rows[np.arange(len(replacements)), columns] = replacements
    several = _rows_with_several_changes(contract, pools, matrix, random)
    edge_matrix = np.vstack([rows, *several.values()])
    words: dict[int, Sequence[str | None]] = {}
    for j, codes in texts.items():
        words[j], edge_matrix[:, j] = codes.decode(edge_matrix[:, j])
    for j in text.keys() - texts.keys():
        words[j] = words_of_codes(contract.columns[j], edge_matrix[:, j])
    return EdgeRows(
        edge_matrix,
        words,
        [*kinds, *(kind for kind, changed in several.items() for _ in changed)],
        np.array([*columns, *[-1] * sum(map(len, several.values()))], dtype=np.int64),
    )


def _edge_values(column: Column, thresholds: Floats | None) -> dict[str, Floats]:
    """The values to try in a column, by kind."""
    pool: dict[str, Floats] = {}
    at = np.array([]) if thresholds is None else thresholds
    if column.kind == "category":
        pool["category"] = np.arange(len(column.categories or ()), dtype=np.float64)
        pool["unseen category"] = np.array([-1.0])
    elif column.kind == "boolean":
        pool["boolean"] = np.array([0.0, 1.0])
    elif column.kind == "datetime":
        near = np.round(at * 1e6) / 1e6
        pool["threshold"] = np.clip(np.concatenate([near - 1e-6, near, near + 1e-6]), _FIRST_SECOND, _LAST_SECOND)
        pool["extreme date"] = np.array([0.0, -0.5, 1e-6, 951_782_400.0, 4e9, -7e9, _FIRST_SECOND, _LAST_SECOND])
    elif column.kind == "integer":
        pool["threshold"] = np.unique(np.concatenate([np.floor(at), np.ceil(at)]))
        pool.update({kind: np.array(values) for kind, values in _EXTREME_INTEGERS.items()})
    else:
        pool["threshold"] = adjacent_floats(at)
        pool.update({kind: np.array(values) for kind, values in _EXTREME.items()})
    if column.kind in ("number", "integer") and column.categories:
        categories = np.array(column.categories, dtype=np.float64)
        pool["category"] = categories if column.kind == "integer" else adjacent_floats(categories)
    if column.nullable:
        pool["missing"] = np.array([np.nan])
    rounded = {kind: _round_to_dtype(column, values) for kind, values in pool.items() if len(values)}
    return {kind: values[np.isfinite(values) | np.isnan(values)] for kind, values in rounded.items()}


def _round_to_dtype(column: Column, values: Floats) -> Floats:
    """The values as they arrive in a request: rounded to float32 if the column is, unless that makes them infinite."""
    if column.dtype not in _FLOAT32_DTYPES:
        return values
    with np.errstate(over="ignore"):
        rounded = values.astype(np.float32).astype(np.float64)
    return np.where(np.isinf(rounded), values, rounded)


def _rows_with_several_changes(
    contract: Contract, pools: list[dict[str, Floats]], matrix: Floats, random: np.random.Generator
) -> dict[str, Floats]:
    """Rows in which several columns are changed at once, by kind."""
    base = matrix[random.integers(len(matrix), size=1)]
    nullable = [column.nullable for column in contract.columns]
    categorical = [column.kind == "category" for column in contract.columns]
    numeric = [column.kind in ("number", "integer") for column in contract.columns]
    # two very large values cancel or overflow depending on the order of a sum, so no result would be the right one
    mixable = [np.concatenate([values for kind, values in pool.items() if kind not in _NEVER_MIXED]) for pool in pools]
    mixed = np.column_stack([values[random.integers(len(values), size=_MIXED_ROWS)] for values in mixable])
    keep = random.random(mixed.shape) < 0.5  # half of each row stays a training row
    mixed = np.where(keep, matrix[random.integers(len(matrix), size=_MIXED_ROWS)], mixed)
    return {
        "all missing": np.where(nullable, np.nan, base),
        "all unseen": np.where(categorical, -1.0, base),
        "all zero": np.where(numeric, 0.0, base),
        "several columns at once": mixed,
    }
