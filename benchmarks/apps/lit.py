"""The pipeline behind LitServe: a typed row becomes a DataFrame for `predict`. One worker for one processor.

Without postponed annotations, because LitServe reads the request's type from the annotation object.
"""

import sys
from typing import Any

import litserve  # type: ignore[import-not-found]  # installed in a separate environment
import pandas as pd

from benchmarks.apps.request_model import Flight, load_pipeline

__all__ = ["Flights"]


class Flights(litserve.LitAPI):  # type: ignore[misc]  # untyped where it is not installed
    """Predicts arrival delays."""

    def setup(self, device: str) -> None:
        """Load the pipeline."""
        self.pipeline = load_pipeline()

    def decode_request(self, request: Flight) -> pd.DataFrame:
        """A DataFrame of one row."""
        return pd.DataFrame([request.model_dump()])

    def predict(self, frame: pd.DataFrame) -> float:
        """The prediction for the row."""
        return float(self.pipeline.predict(frame)[0])

    def encode_response(self, output: float) -> dict[str, Any]:
        """The reply's content."""
        return {"prediction": output}


if __name__ == "__main__":
    server = litserve.LitServer(Flights(), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", generate_client_file=False)
