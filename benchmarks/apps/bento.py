"""The pipeline as a BentoML service: a typed row, a DataFrame of it, `predict`; one worker for the one core."""

from __future__ import annotations

import bentoml  # type: ignore[import-not-found]  # in an environment of its own
import pandas as pd

from benchmarks.apps.rows import Flight, load_pipeline

__all__ = ["Flights"]


@bentoml.service(workers=1)
class Flights:
    """Arrival delays."""

    def __init__(self) -> None:
        self.pipeline = load_pipeline()

    @bentoml.api  # type: ignore[untyped-decorator]  # where it is not installed
    def predict(self, row: Flight) -> dict[str, float]:
        """One row."""
        frame = pd.DataFrame([row.model_dump()])
        return {"prediction": float(self.pipeline.predict(frame)[0])}
