"""The pipeline as a BentoML service: a typed row becomes a DataFrame for `predict`. One worker for one processor."""

from __future__ import annotations

import bentoml  # type: ignore[import-not-found]  # installed in a separate environment
import pandas as pd

from benchmarks.apps.request_model import Flight, load_pipeline

__all__ = ["Flights"]


@bentoml.service(workers=1)
class Flights:
    """Predicts arrival delays."""

    def __init__(self) -> None:
        self.pipeline = load_pipeline()

    @bentoml.api  # type: ignore[untyped-decorator]  # untyped where it is not installed
    def predict(self, row: Flight) -> dict[str, float]:
        """Predict one row."""
        frame = pd.DataFrame([row.model_dump()])
        return {"prediction": float(self.pipeline.predict(frame)[0])}
