"""The pipeline behind LitServe: a typed row, a DataFrame of it, `predict`; one worker for the one core.

Without postponed annotations: LitServe takes the type of a request from what the annotation is.
"""

import sys
from typing import Any

import litserve  # type: ignore[import-not-found]  # in an environment of its own
import pandas as pd

from benchmarks.apps.rows import Flight, load_pipeline

__all__ = ["Flights"]


class Flights(litserve.LitAPI):  # type: ignore[misc]  # untyped where it is not installed
    """Arrival delays."""

    def setup(self, device: str) -> None:
        """Load the pipeline."""
        self.pipeline = load_pipeline()

    def decode_request(self, request: Flight) -> pd.DataFrame:
        """One row as a frame."""
        return pd.DataFrame([request.model_dump()])

    def predict(self, frame: pd.DataFrame) -> float:
        """Its answer."""
        return float(self.pipeline.predict(frame)[0])

    def encode_response(self, output: float) -> dict[str, Any]:
        """The reply."""
        return {"prediction": output}


if __name__ == "__main__":
    server = litserve.LitServer(Flights(), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", generate_client_file=False)
