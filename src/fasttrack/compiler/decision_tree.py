"""A decision tree, and how its splits translate to the columns that the tree's features are computed from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fasttrack.compiler.floats import largest_input_at_most

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.compiler.columns import CodedColumn, NumberColumn

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

__all__ = ["DecisionTree", "goes_left", "input_thresholds", "missing_goes_left"]


@dataclass(frozen=True, eq=False)
class DecisionTree:
    """One tree as parallel arrays over its nodes; node 0 is the root.

    `feature` is −1 at a leaf. A row goes to `left` if its value is <= `threshold`, or in `members[node]` if the node
    has members; if the value is NaN, it goes left where `missing_left` is true. A leaf adds its `value` to output
    `target`.
    """

    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    missing_left: Bools
    value: Floats
    target: int = 0
    members: dict[int, Floats] | None = None

    @classmethod
    def constant(cls, value: float, target: int = 0) -> DecisionTree:
        """A tree of a single leaf."""
        none = np.array([-1])
        return cls(none, np.zeros(1), none, none, np.zeros(1, dtype=bool), np.array([value]), target)


def input_thresholds(number: NumberColumn, thresholds: Floats) -> Floats:
    """The thresholds on the block's column that split rows exactly as `thresholds` do on the number."""
    if not number.steps:
        return thresholds
    distinct, inverse = np.unique(thresholds, return_inverse=True)
    return largest_input_at_most(number.evaluate, distinct)[inverse]


def missing_goes_left(number: NumberColumn, thresholds: Floats, missing_left: Bools) -> Bools:
    """For each threshold, whether NaN in the block's column goes left. `missing_left`: where NaN in the number goes."""
    filled = number.evaluate(np.array([np.nan]))[0]
    return missing_left if np.isnan(filled) else filled <= thresholds


def goes_left(column: CodedColumn, threshold: float, missing_left: bool, members: Floats | None) -> Bools:
    """For each cell of the column, whether it goes left."""
    cells = column.numeric_cells()
    left = cells <= threshold if members is None else np.isin(cells, members)
    return np.where(np.isnan(cells), missing_left, left)
