"""Rules that find, in the input matrix alone, the rows that scikit-learn would refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from fasttrack.contract.published import bounds_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fasttrack.contract import Contract
    from fasttrack.contract.refusal import Reason

__all__ = ["Bound", "InputRules", "refused_rows", "violations"]


class Bound(msgspec.Struct, frozen=True):
    """A column's number must lie between `low` and `high`, both inclusive."""

    column: int
    low: float
    high: float


class InputRules(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a row must satisfy. Columns are given by their index in the contract."""

    must_be_known: tuple[int, ...] = ()
    """Columns whose value must be one of the column's categories, or missing."""
    must_be_present: tuple[int, ...] = ()
    """Columns whose value must not be missing."""
    bounds: tuple[Bound, ...] = ()


def violations(
    rules: InputRules, contract: Contract, matrix: NDArray[np.float64]
) -> Iterator[tuple[int, NDArray[np.bool_], Reason, str]]:
    """For each rule that a row of `matrix`, float64[n, f], violates: column, bool[n] of the rows, reason, message."""
    for column in rules.must_be_known:
        values = matrix[:, column]
        categories = contract.columns[column].categories or []
        if contract.columns[column].kind == "category":
            violated = values < 0
        else:
            violated = ~np.isin(values, np.array(categories, dtype=np.float64)) & ~np.isnan(values)
        if violated.any():
            message = f"not among the {len(categories):,} categories that the model accepts"
            yield column, violated, "unseen", message
    for column in rules.must_be_present:
        violated = np.isnan(matrix[:, column])
        if violated.any():
            yield column, violated, "missing", "missing; the model requires a value"
    for bound in rules.bounds:
        values = matrix[:, bound.column]
        violated = (values < bound.low) | (values > bound.high)
        if violated.any():
            bounds = bounds_text(contract.columns[bound.column], bound.low, bound.high)
            message = "outside the range that the model accepts" + (f", {bounds}" if bounds else "")
            yield bound.column, violated, "range", message


def refused_rows(rules: InputRules, contract: Contract, matrix: NDArray[np.float64]) -> NDArray[np.bool_]:
    """bool[n]: which rows of `matrix`, float64[n, f], violate a rule."""
    refused = np.zeros(len(matrix), dtype=bool)
    for _, violated, _, _ in violations(rules, contract, matrix):
        refused |= violated
    return refused
