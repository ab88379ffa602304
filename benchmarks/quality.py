"""How good the models of `auto` are: on public tables, against other learners, on the same held-out rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import fasttrack
from benchmarks.quality_tables import BUNDLED, PACKAGED, QualityTable, environment, install, read_tables
from benchmarks.results import Cell, ResultTable
from fasttrack.errors import FastTrackError
from fasttrack.evaluation import metric_values
from fasttrack.training.split import split

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from benchmarks.workload import Bench

__all__ = ["geometric_means", "measure_quality"]

_OURS = {"auto": {}, "best": {"quality": "best"}}
_OTHERS = ("flaml", "lightgbm", "hist")
_TITLES = {"flaml": "FLAML", "lightgbm": "LightGBM", "hist": "HistGradientBoosting"}
_LEARNER = Path(__file__).parent / "apps" / "other_learner.py"
_SHARE = 0.2


@dataclass(frozen=True)
class _Task:
    """A table split into files: the rows to learn from, and those that nobody sees."""

    table: QualityTable
    train: Path
    test: Path
    truth: NDArray[Any]
    rows: int

    @property
    def kind(self) -> str:
        return "regression" if self.table.regression else "classification"


def measure_quality(bench: Bench) -> ResultTable:
    """The error of each learner on each table, relative to the least one; their geometric means are in the last row."""
    quick, seconds = bench.workload.quick, bench.workload.quality_seconds
    if not quick:
        install()
    tables = BUNDLED if quick else (*PACKAGED, *BUNDLED)
    learners = [*_OURS, *(name for name in _OTHERS if name != "flaml" or environment() is not None)]
    rows: list[tuple[Cell, ...]] = []
    errors: list[dict[str, float]] = []
    took: dict[str, list[float]] = {name: [] for name in learners}
    for table, frame in read_tables(tables, bench.folder).items():
        task = _split(table, frame, bench.folder)
        found: dict[str, float] = {}
        for name in learners:
            started = time.perf_counter()
            found[name] = _error(task, *_predict(task, name, seconds, bench.folder))
            took[name].append(time.perf_counter() - started)
        errors.append(found)
        least = min(found.values())
        row = (table.name, f"{task.rows:,}", "RMSE" if table.regression else "log loss", least)
        rows.append((*row, *(found[name] / least for name in learners)))
        print("  ".join(str(cell) for cell in rows[-1]), file=sys.stderr, flush=True)
    means = geometric_means(errors)
    rows.append(("geometric mean", None, None, None, *(means[name] for name in learners)))
    rows.append(("seconds a table", None, None, None, *(float(np.mean(took[name])) for name in learners)))
    return ResultTable(
        "quality",
        f"Error on rows that nobody saw, relative to the best learner of each table; {seconds} s for best and FLAML",
        ("table", "rows", "metric", "least error", *(_TITLES.get(name, f"fasttrack, {name}") for name in learners)),
        rows,
        (
            "A fifth of each table is held out. fasttrack trains on the rest with refit, and predicts as it serves: "
            "compiled, from the columns of the table. LightGBM and HistGradientBoosting have their defaults.",
        ),
        {name: [found[name] / min(found.values()) for found in errors] for name in learners},
    )


def geometric_means(errors: list[dict[str, float]]) -> dict[str, float]:
    """By learner, the geometric mean over the tables of its error relative to the least one."""
    logs = {name: [np.log(found[name] / min(found.values())) for found in errors] for name in errors[0]}
    return {name: float(np.exp(np.mean(values))) for name, values in logs.items()}


def _split(table: QualityTable, frame: pd.DataFrame, folder: Path) -> _Task:
    target = frame[table.target].to_numpy()
    parts = split(len(frame), method="random", share=_SHARE, seed=7, y=None if table.regression else target)
    train, test = folder / f"{table.name}-train.csv", folder / f"{table.name}-test.csv"
    frame.iloc[parts.train].to_csv(train, index=False)
    frame.iloc[parts.test].to_csv(test, index=False)
    return _Task(table, train, test, target[parts.test], len(frame))


def _predict(task: _Task, name: str, seconds: float, folder: Path) -> tuple[Any, Any, list[str] | None]:
    """Predictions [n], or probabilities [n, c] and the labels."""
    return _ours(task, name, seconds, folder) if name in _OURS else _other(task, name, seconds, folder)


def _ours(task: _Task, name: str, seconds: float, folder: Path) -> tuple[Any, Any, list[str] | None]:
    import pandas as pd

    store = folder / "quality-model"
    options: dict[str, Any] = {"store": store, "name": f"{task.table.name}-{name}", "refit": True, **_OURS[name]}
    if name == "best":
        options["quality_seconds"] = float(seconds)
    outcome = fasttrack.train(str(task.train), task.table.target, **options)
    if outcome.manifest.engine != "onnx":
        raise FastTrackError(f"{outcome.label} was not compiled: {outcome.manifest.engine_reason}")
    model = fasttrack.load(outcome.label, store=str(store))
    rows = pd.read_csv(task.test).drop(columns=task.table.target)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about unseen categories, and numbers outside the training range
        if task.table.regression:
            return model.predict(rows), None, None
        classes = [str(label) for label in model.contract.target.classes or ()]
        return None, model.predict_proba(rows), classes


def _other(task: _Task, name: str, seconds: float, folder: Path) -> tuple[Any, Any, list[str] | None]:
    output = folder / "predictions.json"
    python = environment() or sys.executable
    command = [python, _LEARNER, name, task.train, task.test, task.table.target, task.kind, seconds, output]
    variables = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, env=variables, check=False
    )
    if process.returncode:
        raise FastTrackError(f"{name} failed on {task.table.name}: {process.stderr.strip()[-500:]}")
    content = json.loads(output.read_text())
    if task.table.regression:
        return np.array(content["prediction"]), None, None
    return None, np.array(content["probabilities"]), content["classes"]


def _error(task: _Task, prediction: Any, probabilities: Any, classes: list[str] | None) -> float:
    if classes is None:
        return metric_values("regression", task.truth, prediction)["rmse"]
    truth = np.array([str(label) for label in task.truth], dtype=object)
    labels = np.array(classes, dtype=object)[probabilities.argmax(axis=1)]
    return metric_values("multiclass", truth, labels, probabilities, classes)["log_loss"]
