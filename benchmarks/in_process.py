"""The compiled graph compared with `pipeline.predict`, in one process and without HTTP."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.results import Cell, ResultTable
from benchmarks.trained_model import TOLERANCE
from benchmarks.workload import median, run_interleaved
from fasttrack.contract.frame import matrix_from_frame
from fasttrack.errors import FastTrackError
from fasttrack.graph import Session, open_session, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from benchmarks.trained_model import TrainedModel
    from benchmarks.workload import Bench
    from fasttrack.contract import Contract

__all__ = ["measure_in_process"]


def measure_in_process(bench: Bench, models: Sequence[TrainedModel]) -> ResultTable:
    """Rows per second by model and number of threads. The graph's predictions for all rows are checked first."""
    all_threads = os.cpu_count() or 1
    rows: list[tuple[Cell, ...]] = []
    rounds: dict[str, list[float]] = {}
    for model in models:
        manifest = model.bundle.manifest
        estimator = manifest.training.estimator.rpartition(":")[2].replace("_", " ")
        label = f"{estimator} ({type(model.pipeline[-1]).__name__})"
        if manifest.engine != "onnx":
            rows.append((f"{label}: not compiled, {manifest.engine_reason}", *[None] * 7))
            continue
        frame = model.frame.sample(bench.workload.in_process_rows, replace=True, random_state=0)
        results = run_interleaved(_measurements(model, frame, all_threads), bench.workload.rounds)
        rounds |= {f"{label}, {what}, {threads}": values for (what, threads), values in results.items()}
        per_second = {key: len(frame) / median(values) for key, values in results.items()}
        rows.append(
            (
                label,
                per_second["pipeline", 1],
                per_second["graph", 1],
                per_second["graph", 1] / per_second["pipeline", 1],
                per_second["pipeline", all_threads],
                per_second["graph", all_threads],
                per_second["graph", all_threads] / per_second["pipeline", all_threads],
                per_second["frame and graph", all_threads] / per_second["pipeline", all_threads],
            )
        )
    return ResultTable(
        "in_process",
        f"In process, {bench.workload.in_process_rows:,} rows at once: rows per second",
        (
            "model",
            "pipeline.predict, 1 thread",
            "compiled, 1 thread",
            "×",
            f"pipeline.predict, {all_threads} threads",
            f"compiled, {all_threads} threads",
            "×",
            f"× from a DataFrame, {all_threads} threads",
        ),
        rows,
        (
            "`pipeline.predict` reads a DataFrame, the compiled graph the float64 matrix that the server fills; the "
            "last column includes the time to convert the same DataFrame to the matrix.",
        ),
        rounds,
    )


def _measurements(
    model: TrainedModel, frame: pd.DataFrame, all_threads: int
) -> dict[tuple[str, int], Callable[[], float]]:
    """By what is measured and the number of threads, a function that measures its seconds."""
    contract = model.bundle.manifest.contract
    matrix = matrix_from_frame(contract, frame)
    expected = model.pipeline.predict(frame)
    session = open_session(model.bundle.program())
    work: dict[tuple[str, int], Callable[[], float]] = {}
    for threads in (1, all_threads):
        _check_predictions(run(session, matrix, threads=threads)["prediction"], expected, model)
        work["pipeline", threads] = partial(_time_pipeline, model.pipeline, frame, threads)
        work["graph", threads] = partial(_time, partial(run, session, matrix, threads=threads))
        work["frame and graph", threads] = partial(_time, partial(_run_frame, session, contract, frame, threads))
    return work


def _run_frame(session: Session, contract: Contract, frame: pd.DataFrame, threads: int) -> None:
    run(session, matrix_from_frame(contract, frame), threads=threads)


def _time_pipeline(pipeline: Any, frame: pd.DataFrame, threads: int) -> float:
    if "n_jobs" in pipeline[-1].get_params(deep=False):  # not a ColumnTransformer's: processes would make it slower
        pipeline[-1].set_params(n_jobs=threads)
    with threadpool_limits(threads):
        return _time(partial(pipeline.predict, frame))


def _time(work: Callable[[], object]) -> float:
    """How long `work` takes, in seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _check_predictions(predictions: NDArray[np.generic], expected: NDArray[np.float64], model: TrainedModel) -> None:
    wrong = ~np.isclose(predictions.astype(np.float64), expected, rtol=TOLERANCE, atol=TOLERANCE)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise FastTrackError(
            f"{model.bundle.label}: for row {row} the graph predicts {predictions[row]!r}, scikit-learn "
            f"{expected[row]!r}; {int(wrong.sum()):,} of {len(predictions):,} rows differ, so it is not measured"
        )
