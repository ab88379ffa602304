"""Rows that scikit-learn would refuse, told from the input matrix alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.contract import Contract

__all__ = ["Bound", "Refusals", "refused"]


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


def refused(refusals: Refusals, contract: Contract, matrix: NDArray[np.float64]) -> NDArray[np.bool_]:
    """bool[n]: the rows of float64[n, f] `matrix` that break a rule."""
    found = np.zeros(len(matrix), dtype=bool)
    for column in refusals.must_be_known:
        values = matrix[:, column]
        if contract.columns[column].kind == "category":
            found |= values < 0
        else:
            known = np.array(contract.columns[column].categories or [], dtype=np.float64)
            found |= ~np.isin(values, known) & ~np.isnan(values)
    for column in refusals.must_be_present:
        found |= np.isnan(matrix[:, column])
    for bound in refusals.bounds:
        found |= (matrix[:, bound.column] < bound.low) | (matrix[:, bound.column] > bound.high)
    return found
