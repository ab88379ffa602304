"""What a report shows of a pipeline and its hold-out rows, as numbers, before any text or drawing is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fasttrack.contract.frame import matrix_from_frame
from fasttrack.report.feature_profiles import FeatureProfile, feature_profiles
from fasttrack.report.importance import Importance, permutation_importance
from fasttrack.report.labelled_predictions import LabelledPredictions, labelled_predictions
from fasttrack.report.segments import Segments, worst_segments

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Contract
    from fasttrack.graph import Program
    from fasttrack.metrics.reference import Reference
    from fasttrack.training.holdout import HoldOut

__all__ = ["Measurements", "examine"]

MOST_PROFILES = 60
"""How many features are shown; of a wider model the most important ones."""


@dataclass(frozen=True)
class Measurements:
    """Predictions, importance and segments are of the hold-out rows, the profiles of all rows that were given.

    `clusters`: how many clusters of rows were resampled for the intervals, and what they are; `None`: single rows.
    """

    predictions: LabelledPredictions
    importance: Importance
    segments: Segments
    profiles: list[FeatureProfile]
    profiled_rows: int
    clusters: tuple[int, str] | None = None


def examine(
    pipeline: Any,
    contract: Contract,
    reference: Reference,
    held: HoldOut,
    matrix: NDArray[np.float64] | None = None,
    program: Program | None = None,
) -> Measurements:
    """Measure what the report shows.

    `matrix`: float64[m, f], the rows to profile, by default those of `held`. `program`: the compiled model, if there is
    one. An error of the pipeline is not raised; what could not be measured says why.
    """
    predictions = labelled_predictions(contract.target, held)
    holdout_matrix = matrix_from_frame(contract, held.X)
    importance = permutation_importance(pipeline, contract, held, program=program)
    important = [column.column for column in importance.columns]
    order = [*important, *(j for j in range(len(contract.columns)) if j not in set(important))]
    profiled = holdout_matrix if matrix is None else matrix
    clusters = held.clusters and held.clusters.enough
    return Measurements(
        predictions=predictions,
        importance=importance,
        segments=worst_segments(contract, reference, holdout_matrix, predictions),
        profiles=feature_profiles(contract, profiled, order[:MOST_PROFILES]),
        profiled_rows=len(profiled),
        clusters=None if clusters is None else (clusters.count, clusters.name),
    )
