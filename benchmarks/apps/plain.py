"""The pipeline in plain FastAPI: a typed body, a DataFrame of it, `predict`.

Plain functions rather than `async`, so that FastAPI runs them in its threads, as its documentation advises for work
that holds the processor; Uvicorn with uvloop and httptools, no access log: its fair chance.
"""

from __future__ import annotations

from typing import Annotated

import pandas as pd
from fastapi import Body, FastAPI

from benchmarks.apps.rows import load_pipeline, row_class

Row = row_class()
pipeline = load_pipeline()
app = FastAPI()


@app.post("/predict")
def predict(row: Annotated[Row, Body()]) -> dict[str, float]:  # type: ignore[valid-type]  # made at run time
    """One row."""
    frame = pd.DataFrame([row.model_dump()])  # type: ignore[attr-defined]  # made at run time
    return {"prediction": float(pipeline.predict(frame)[0])}


@app.post("/predict/rows")
def predict_rows(rows: Annotated[list[Row], Body()]) -> dict[str, list[float]]:  # type: ignore[valid-type]  # as above
    """Many rows."""
    frame = pd.DataFrame([row.model_dump() for row in rows])  # type: ignore[attr-defined]  # as above
    return {"predictions": pipeline.predict(frame).tolist()}
