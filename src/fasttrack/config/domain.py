"""Where a search looks for hyperparameters: a range of numbers, or a list of choices, by parameter."""

from __future__ import annotations

import math
from typing import Annotated

import msgspec

__all__ = ["Domain", "HyperparameterValue", "Range"]

HyperparameterValue = bool | int | float | str | None


class Range(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Numbers from `low` to `high`, both included: whole numbers if both ends are.

    `log`: the logarithm of the number is drawn evenly, instead of the number.
    """

    low: int | float
    high: int | float
    log: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"low = {self.low} must be below high = {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"log = true needs low above 0, not {self.low}")

    @property
    def whole(self) -> bool:
        """Whether it holds whole numbers only."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def __contains__(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        return self.low <= value <= self.high


Domain = Range | Annotated[list[HyperparameterValue], msgspec.Meta(min_length=1)]
"""The values that a search may try for one hyperparameter."""
