"""The event that every run of a model makes, and the observers that count or enqueue it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from fasttrack.contract.decode import Batch
    from fasttrack.journal.predictions import PredictionIds
    from fasttrack.scoring.engine import Predictions
    from fasttrack.scoring.model import ScoringModel

__all__ = ["Observer", "Scored"]


class Scored(msgspec.Struct, frozen=True):
    """One run of a model, of n rows that came in one request or in several.

    `model`: name, version and contract of what scored. `batch`: the rows as the model got them, in `batch.matrix`
    (float64[n, f]). `predictions`: values, probabilities, and a warning for each row without an answer. `ids`: those of
    the rows in the journal; None where it does not record them. `seconds`: how long the model took.
    """

    model: ScoringModel
    batch: Batch
    predictions: Predictions
    ids: PredictionIds | None
    seconds: float


class Observer(Protocol):
    """Gets the event of each run, after the model has scored and before the replies go out.

    To add one, pass it to `create_app(observers=[...])`, or name a function that makes it in FASTTRACK_OBSERVERS as
    `module:factory`. The server's own counters are observers too. The journal comes before them, because it gives the
    ids.
    """

    def scored(self, event: Scored) -> None:
        """Count or enqueue the run. The callers wait for their replies, so take microseconds and never block.

        Called on the event loop or in a thread, from several threads at once for large requests. The arrays are shared
        with other observers: copy what you change. An exception is logged once and counted in
        `fasttrack_observer_failures_total`; the replies still go out.
        """
        ...
