"""What a compilation leaves out of the graph: ensembles that are computed between two graphs, one before, one after."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from spox import Tensor, argument

if TYPE_CHECKING:
    from spox import Var

    from fasttrack.graph import LeafMasks

__all__ = ["LEAST_TREES", "Apart", "Masked"]

LEAST_TREES = 32
"""Fewer are walked as fast."""


@dataclass(frozen=True, eq=False)
class Masked:
    """An ensemble as masks, of float64[n, f] `x`."""

    x: Var
    masks: LeafMasks

    @property
    def outputs(self) -> int:
        """How many sums it has."""
        return len(self.masks.ends)


@dataclass(eq=False)
class Apart:
    """The ensembles that were left out, and what stands for their sums. `least`: so many trees are worth it."""

    least: int = LEAST_TREES
    ensembles: list[Masked] = field(default_factory=list)
    sums: list[Var] = field(default_factory=list)

    def add(self, ensemble: Masked) -> Var:
        """float64[n, k]: what will be the ensemble's sums."""
        self.ensembles.append(ensemble)
        self.sums.append(argument(Tensor(np.float64, ("rows", ensemble.outputs))))
        return self.sums[-1]
