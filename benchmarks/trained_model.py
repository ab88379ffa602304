"""Models to measure, trained by `fasttrack train`, and requests with scikit-learn's predictions for their rows."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fasttrack.errors import FastTrackError
from fasttrack.store import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fasttrack.bundle import Bundle

__all__ = ["TOLERANCE", "PredictionRequest", "TrainedModel", "are_correct", "parse_predictions", "train_model"]

TOLERANCE = 1e-9
"""How far a prediction may differ from scikit-learn's: relative, or absolute if scikit-learn's is below 1."""

_FASTTRACK = Path(sys.executable).parent / "fasttrack"
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class PredictionRequest:
    """Rows as JSON objects, and scikit-learn's predictions for them."""

    rows: list[dict[str, Any]]
    expected: list[float]


@dataclass(frozen=True)
class TrainedModel:
    """A trained model in its store. `frame`: the rows of the table, as the pipeline's input."""

    store: Path
    bundle: Bundle
    pipeline: Any
    frame: pd.DataFrame

    @property
    def joblib_file(self) -> Path:
        """The fitted pipeline, which the other servers load."""
        return self.bundle.folder / "model.joblib"

    def requests(self, count: int, *, rows: int = 1) -> list[PredictionRequest]:
        """`count` requests of `rows` rows each, drawn with a fixed seed; requests may share rows."""
        random = np.random.default_rng(0)
        requests = []
        for _ in range(count):
            sample = self.frame.iloc[random.choice(len(self.frame), rows, replace=rows > len(self.frame))]
            requests.append(PredictionRequest(_json_rows(sample), self.pipeline.predict(sample).tolist()))
        return requests


def train_model(table: Path, target: str, estimator: str, store: Path, *, ignore: Sequence[str] = ()) -> TrainedModel:
    """Train `estimator` on a Parquet table with `fasttrack train`, and open the result."""
    name = estimator.rpartition(":")[2].replace("_", "-")
    options = [text for column in ignore for text in ("--ignore", column)]
    command = [_FASTTRACK, "train", table, "--target", target, "--name", name, "--estimator", estimator]
    process = subprocess.run(
        [*map(str, command), "--store", str(store), *options],
        cwd=_HERE,  # the folder of estimators.py
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if process.returncode:
        raise FastTrackError(f"fasttrack train of {estimator} on {table} failed: {process.stdout.strip()[-2000:]}")
    bundle = open_store(store).open(name)
    frame = pd.read_parquet(table)
    frame = frame[frame[target].notna()][bundle.manifest.contract.names]
    return TrainedModel(store, bundle, bundle.load_pipeline(), frame.reset_index(drop=True))


def parse_predictions(reply: bytes) -> list[float]:
    """The predictions in the reply of any of the servers."""
    content = json.loads(reply)
    predictions = content["predictions"] if "predictions" in content else content["prediction"]
    return predictions if isinstance(predictions, list) else [predictions]


def are_correct(request: PredictionRequest, predictions: Sequence[float | None]) -> bool:
    """Whether every prediction equals scikit-learn's within TOLERANCE."""
    return len(predictions) == len(request.expected) and all(
        prediction is not None and math.isclose(prediction, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
        for prediction, expected in zip(predictions, request.expected, strict=True)
    )


def _json_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {name: _json_cell(value) for name, value in zip(frame.columns, row, strict=True)}
        for row in frame.itertuples(index=False, name=None)
    ]


def _json_cell(value: Any) -> Any:
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat().replace("+00:00", "Z")
    return value.item() if isinstance(value, np.generic) else value
