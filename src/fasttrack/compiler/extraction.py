"""Extracting tree ensembles from the graph, so that they can be evaluated as leaf masks between two graphs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from spox import Tensor, argument

if TYPE_CHECKING:
    from spox import Var

    from fasttrack.graph import LeafMasks

__all__ = ["MIN_TREES", "EnsembleExtraction", "ExtractedEnsemble"]

MIN_TREES = 32
"""Default: smaller ensembles are as fast in the graph."""


@dataclass(frozen=True, eq=False)
class ExtractedEnsemble:
    """A tree ensemble as leaf masks, and its input `x`, float64[n, f]."""

    x: Var
    masks: LeafMasks

    @property
    def outputs(self) -> int:
        """How many sums a row gets."""
        return len(self.masks.ends)


@dataclass(eq=False)
class EnsembleExtraction:
    """The ensembles extracted so far, and for each the graph input that replaces its sums.

    `min_trees`: ensembles with fewer trees stay in the graph.
    """

    min_trees: int = MIN_TREES
    ensembles: list[ExtractedEnsemble] = field(default_factory=list)
    sums: list[Var] = field(default_factory=list)

    def add(self, ensemble: ExtractedEnsemble) -> Var:
        """Extract `ensemble`. Returns the graph input that replaces its sums, float64[n, k]."""
        self.ensembles.append(ensemble)
        self.sums.append(argument(Tensor(np.float64, ("rows", ensemble.outputs))))
        return self.sums[-1]
