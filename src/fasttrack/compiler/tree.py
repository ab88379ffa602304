"""One decision tree, and its splits on the column that lies behind what the tree was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fasttrack.compiler import floats

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.compiler.columns import Number, Table

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

__all__ = ["Tree", "goes_left", "missing_goes_left", "moved"]


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree as parallel arrays over its nodes; node 0 is the root.

    `feature` is −1 at a leaf. A row goes to `left` where its value is <= `threshold`, or in `members` where the node
    has some; where it is NaN, if `missing_left`. `value` is what a leaf adds to output `target`.
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
    def constant(cls, value: float, target: int = 0) -> Tree:
        """A single leaf."""
        none = np.array([-1])
        return cls(none, np.zeros(1), none, none, np.zeros(1, dtype=bool), np.array([value]), target)


def moved(number: Number, thresholds: Floats) -> Floats:
    """The thresholds on the block's column that give the same answers as `thresholds` on the number."""
    if not number.steps:
        return thresholds
    distinct, places = np.unique(thresholds, return_inverse=True)
    return floats.last_not_above(number.values, distinct)[places]


def missing_goes_left(number: Number, thresholds: Floats, missing_left: Bools) -> Bools:
    """By threshold, whether NaN in the block's column goes to the left."""
    filled = number.values(np.array([np.nan]))[0]
    return missing_left if np.isnan(filled) else filled <= thresholds


def goes_left(table: Table, threshold: float, missing_left: bool, members: Floats | None) -> Bools:
    """By cell of the table, whether it goes to the left."""
    cells = table.numbers()
    left = cells <= threshold if members is None else np.isin(cells, members)
    return np.where(np.isnan(cells), missing_left, left)
