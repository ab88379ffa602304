"""Rows where a graph is most likely to be wrong: thresholds and their neighbours, missing, unseen, zero, huge, tiny."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fasttrack.compiler.floats import neighbours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.compiler.compile import Compiled
    from fasttrack.contract import Column, Contract

    Floats = NDArray[np.float64]

__all__ = ["EdgeRows", "edge_rows"]

_MIXED = 1_000
_ALONE = ("large", "huge")
_ODD = {
    "zero": [0.0, -0.0],
    "tiny": [5e-324, -5e-324, 1e-300, -1e-300, 1e-20],
    "large": [1e7, -1e7, 1e18, -1e18],
    "huge": [1e39, -1e39, 1e300, -1e300, np.finfo(np.float64).max, np.finfo(np.float64).min],
}
_ODD_WHOLE = {"zero": [0.0, -0.0], "large": [1e7, -1e7, 2.0**53, -(2.0**53)], "huge": [1e39, -1e39, 1e300, -1e300]}
_SINGLE = ("float32", "Float32", "float[pyarrow]")
_FIRST_MOMENT, _LAST_MOMENT = -62_135_596_800.0, 253_402_300_799.0
"""The years 1 to 9999."""


@dataclass(frozen=True, eq=False)
class EdgeRows:
    """float64[n, f] rows; row i is a training row with one thing changed, `what[i]` in column `column[i]` (−1: all)."""

    matrix: Floats
    what: list[str]
    column: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.matrix)


def edge_rows(
    compiled: Compiled, contract: Contract, matrix: Floats, random: np.random.Generator, limit: int
) -> EdgeRows:
    """About `limit` rows at most, drawn evenly from the thresholds and categories where there are more."""
    pools = [_pool(column, compiled.splits.get(j)) for j, column in enumerate(contract.columns)]
    share = min(1.0, limit / max(1, sum(len(values) for pool in pools for values in pool.values())))
    whats, columns, values = [], [], []
    for j, pool in enumerate(pools):
        for what, found in pool.items():
            if share < 1 and len(found) > 50:  # the few odd values are always all tried
                found = found[np.sort(random.permutation(len(found))[: max(50, int(len(found) * share))])]
            whats += [what] * len(found)
            columns += [j] * len(found)
            values += found.tolist()
    rows = matrix[random.integers(len(matrix), size=len(values))].copy()
    rows[np.arange(len(values)), columns] = values
    whole = _whole_rows(contract, pools, matrix, random)
    return EdgeRows(
        np.vstack([rows, *whole.values()]),
        [*whats, *(what for what, made in whole.items() for _ in made)],
        np.array([*columns, *[-1] * sum(map(len, whole.values()))], dtype=np.int64),
    )


def _pool(column: Column, splits: Floats | None) -> dict[str, Floats]:
    pool: dict[str, Floats] = {}
    at = np.array([]) if splits is None else splits
    if column.kind == "category":
        pool["category"] = np.arange(len(column.categories or ()), dtype=np.float64)
        pool["unseen category"] = np.array([-1.0])
    elif column.kind == "boolean":
        pool["boolean"] = np.array([0.0, 1.0])
    elif column.kind == "datetime":
        near = np.round(at * 1e6) / 1e6
        pool["threshold"] = np.clip(np.concatenate([near - 1e-6, near, near + 1e-6]), _FIRST_MOMENT, _LAST_MOMENT)
        pool["far moment"] = np.array([0.0, -0.5, 1e-6, 951_782_400.0, 4e9, -7e9, _FIRST_MOMENT, _LAST_MOMENT])
    elif column.kind == "integer":
        pool["threshold"] = np.unique(np.concatenate([np.floor(at), np.ceil(at)]))
        pool.update({what: np.array(values) for what, values in _ODD_WHOLE.items()})
    else:
        pool["threshold"] = neighbours(at)
        pool.update({what: np.array(values) for what, values in _ODD.items()})
    if column.kind in ("number", "integer") and column.categories:
        known = np.array(column.categories, dtype=np.float64)
        pool["category"] = known if column.kind == "integer" else neighbours(known)
    if column.nullable:
        pool["missing"] = np.array([np.nan])
    held = {what: _held(column, values) for what, values in pool.items() if len(values)}
    return {what: values[np.isfinite(values) | np.isnan(values)] for what, values in held.items()}


def _held(column: Column, values: Floats) -> Floats:
    """The values as a request can bring them: rounded where the training dtype has fewer digits, if it holds them."""
    if column.dtype not in _SINGLE:
        return values
    with np.errstate(over="ignore"):
        rounded = values.astype(np.float32).astype(np.float64)
    return np.where(np.isinf(rounded), values, rounded)


def _whole_rows(
    contract: Contract, pools: list[dict[str, Floats]], matrix: Floats, random: np.random.Generator
) -> dict[str, Floats]:
    """Rows in which every column is changed."""
    base = matrix[random.integers(len(matrix), size=1)]
    nullable = [column.nullable for column in contract.columns]
    unseen = [column.kind == "category" for column in contract.columns]
    number = [column.kind in ("number", "integer") for column in contract.columns]
    # two of them cancel or overflow as the order of a sum has it, which is nobody's answer
    together = [np.concatenate([values for what, values in pool.items() if what not in _ALONE]) for pool in pools]
    mixed = np.column_stack([values[random.integers(len(values), size=_MIXED)] for values in together])
    keep = random.random(mixed.shape) < 0.5  # half of each row as in training
    mixed = np.where(keep, matrix[random.integers(len(matrix), size=_MIXED)], mixed)
    return {
        "all missing": np.where(nullable, np.nan, base),
        "all unseen": np.where(unseen, -1.0, base),
        "all zero": np.where(number, 0.0, base),
        "several columns at once": mixed,
    }
