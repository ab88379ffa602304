"""What a report shows of a pipeline and its hold-out rows, as numbers: no word and no pixel yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fasttrack.contract.frame import matrix_from_frame
from fasttrack.report.answers import Answers, answers
from fasttrack.report.importance import Importance, importance
from fasttrack.report.profile import Profile, profiles
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
"""Features that are shown; of a wider model the most important ones."""


@dataclass(frozen=True)
class Measurements:
    """Answers, importance and segments are of the hold-out rows; the profiles of all rows that were given."""

    answers: Answers
    importance: Importance
    segments: Segments
    profiles: list[Profile]
    profiled_rows: int
    together: tuple[int, str] | None = None
    """What the figures' intervals resample: so many clusters, and what they are; `None`: the rows one by one."""


def examine(
    pipeline: Any,
    contract: Contract,
    reference: Reference,
    held: HoldOut,
    matrix: NDArray[np.float64] | None = None,
    program: Program | None = None,
) -> Measurements:
    """Measure what the report shows. `matrix`: float64[m, f], the rows to profile; else those of `held`.
    `program`: of a compiled model.

    No error of the pipeline comes through: what could not be measured says why.
    """
    told = answers(contract.target, held)
    own = matrix_from_frame(contract, held.X)
    found = importance(pipeline, contract, held, program=program)
    first = [one.column for one in found.columns]
    order = [*first, *(j for j in range(len(contract.columns)) if j not in set(first))]
    rows = own if matrix is None else matrix
    together = held.clusters and held.clusters.enough
    return Measurements(
        answers=told,
        importance=found,
        segments=worst_segments(contract, reference, own, told),
        profiles=profiles(contract, rows, order[:MOST_PROFILES]),
        profiled_rows=len(rows),
        together=None if together is None else (together.count, together.name),
    )
