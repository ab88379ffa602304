"""Rows that scikit-learn would refuse, told from the input matrix alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fasttrack.contract import Contract
    from fasttrack.contract.refusal import Reason

__all__ = ["Bound", "Refusals", "breaches", "refused"]


class Bound(msgspec.Struct, frozen=True):
    """A column's number must lie between `low` and `high`, both included."""

    column: int
    low: float
    high: float


class Refusals(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """By index of the contract's column, what a row must keep to."""

    must_be_known: tuple[int, ...] = ()
    """The value must be among the column's categories (a missing one may be)."""
    must_be_present: tuple[int, ...] = ()
    """The value must not be missing."""
    bounds: tuple[Bound, ...] = ()


def breaches(
    refusals: Refusals, contract: Contract, matrix: NDArray[np.float64]
) -> Iterator[tuple[int, NDArray[np.bool_], Reason, str]]:
    """By rule that any row of float64[n, f] `matrix` breaks: the column, bool[n] for the rows, and what is wrong."""
    for column in refusals.must_be_known:
        values = matrix[:, column]
        words = contract.columns[column].categories or []
        if contract.columns[column].kind == "category":
            broken = values < 0
        else:
            broken = ~np.isin(values, np.array(words, dtype=np.float64)) & ~np.isnan(values)
        if broken.any():
            message = f"not among the {len(words):,} categories that the model knows, and it takes no other"
            yield column, broken, "unseen", message
    for column in refusals.must_be_present:
        broken = np.isnan(matrix[:, column])
        if broken.any():
            yield column, broken, "missing", "missing, where the model needs a value"
    for bound in refusals.bounds:
        values = matrix[:, bound.column]
        broken = (values < bound.low) | (values > bound.high)
        if broken.any():
            message = f"beyond what the model can take, {bound.low:g} to {bound.high:g}"
            yield bound.column, broken, "range", message


def refused(refusals: Refusals, contract: Contract, matrix: NDArray[np.float64]) -> NDArray[np.bool_]:
    """bool[n]: the rows of float64[n, f] `matrix` that break a rule."""
    found = np.zeros(len(matrix), dtype=bool)
    for _, broken, _, _ in breaches(refusals, contract, matrix):
        found |= broken
    return found
