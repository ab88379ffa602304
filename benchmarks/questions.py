"""Models to measure, trained by `fasttrack train`, and rows whose right answers scikit-learn gave."""

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

__all__ = ["Question", "Subject", "answers", "right", "train"]

TOLERANCE = 1e-9
"""Relative: how far an answer may be from scikit-learn's."""

_FASTTRACK = Path(sys.executable).parent / "fasttrack"
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Question:
    """Rows as JSON carries them, and what scikit-learn predicts for them."""

    rows: list[dict[str, Any]]
    expected: list[float]


@dataclass(frozen=True)
class Subject:
    """A trained model in its store, and the table's rows as the pipeline takes them."""

    store: Path
    bundle: Bundle
    pipeline: Any
    frame: pd.DataFrame

    @property
    def joblib(self) -> Path:
        """The fitted pipeline, as other servers load it."""
        return self.bundle.folder / "model.joblib"

    def questions(self, count: int, *, rows: int = 1) -> list[Question]:
        """`count` questions of `rows` rows each, drawn with a fixed seed; a question may repeat rows of another."""
        random = np.random.default_rng(0)
        found = []
        for _ in range(count):
            part = self.frame.iloc[random.choice(len(self.frame), rows, replace=rows > len(self.frame))]
            found.append(Question(_json_rows(part), self.pipeline.predict(part).tolist()))
        return found


def train(table: Path, target: str, estimator: str, store: Path, *, ignore: Sequence[str] = ()) -> Subject:
    """Train `estimator` on a Parquet table with the public command, and open what it made."""
    name = estimator.rpartition(":")[2].replace("_", "-")
    options = [text for column in ignore for text in ("--ignore", column)]
    command = [_FASTTRACK, "train", table, "--target", target, "--name", name, "--estimator", estimator]
    done = subprocess.run(
        [*map(str, command), "--store", str(store), *options],
        cwd=_HERE,  # where estimators.py is
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        raise FastTrackError(f"fasttrack train of {estimator} on {table} failed: {done.stdout.strip()[-2000:]}")
    bundle = open_store(store).open(name)
    frame = pd.read_parquet(table)
    frame = frame[frame[target].notna()][bundle.manifest.contract.names]
    return Subject(store, bundle, bundle.load_pipeline(), frame.reset_index(drop=True))


def answers(reply: bytes) -> list[float]:
    """The predictions in any of the servers' replies."""
    content = json.loads(reply)
    found = content["predictions"] if "predictions" in content else content["prediction"]
    return found if isinstance(found, list) else [found]


def right(question: Question, found: Sequence[float | None]) -> bool:
    """Whether every answer is scikit-learn's to 1e-9, relative to it or to 1 where it is smaller."""
    return len(found) == len(question.expected) and all(
        one is not None and math.isclose(one, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
        for one, expected in zip(found, question.expected, strict=True)
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
