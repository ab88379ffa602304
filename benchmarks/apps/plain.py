"""The pipeline in plain FastAPI: a typed body becomes a DataFrame for `predict`.

The endpoints are plain functions rather than `async`, so that FastAPI runs them in threads, as its documentation
advises for blocking work. For a fair comparison, it runs on Uvicorn with uvloop and httptools, without an access log.
"""

from __future__ import annotations

from typing import Annotated

import pandas as pd
from fastapi import Body, FastAPI

from benchmarks.apps.request_model import load_pipeline, make_row_class

Row = make_row_class()
pipeline = load_pipeline()
app = FastAPI()


@app.post("/predict")
def predict(row: Annotated[Row, Body()]) -> dict[str, float]:  # type: ignore[valid-type]  # created at run time
    """Predict one row."""
    frame = pd.DataFrame([row.model_dump()])  # type: ignore[attr-defined]  # created at run time
    return {"prediction": float(pipeline.predict(frame)[0])}


@app.post("/predict/rows")
def predict_rows(rows: Annotated[list[Row], Body()]) -> dict[str, list[float]]:  # type: ignore[valid-type]  # as above
    """Predict many rows."""
    frame = pd.DataFrame([row.model_dump() for row in rows])  # type: ignore[attr-defined]  # as above
    return {"predictions": pipeline.predict(frame).tolist()}
