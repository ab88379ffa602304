"""The compiled graph beside `pipeline.predict`, in one process, without HTTP."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from benchmarks.plan import interleaved, middle
from benchmarks.questions import TOLERANCE
from benchmarks.report import Cell, Table
from fasttrack.contract.frame import matrix_from_frame
from fasttrack.errors import FastTrackError
from fasttrack.graph import Session, open_session, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from benchmarks.plan import Bench
    from benchmarks.questions import Subject
    from fasttrack.contract import Contract

__all__ = ["measure_in_process"]


def measure_in_process(bench: Bench, subjects: Sequence[Subject]) -> Table:
    """Rows a second by model and threads. The graph's answers for all the rows are checked first."""
    every = os.cpu_count() or 1
    rows: list[tuple[Cell, ...]] = []
    rounds: dict[str, list[float]] = {}
    for subject in subjects:
        manifest = subject.bundle.manifest
        label = f"{manifest.training.estimator.rpartition(':')[2].replace('_', ' ')} ({_last(subject.pipeline)})"
        if manifest.engine != "onnx":
            rows.append((f"{label}: not compiled, {manifest.engine_reason}", *[None] * 7))
            continue
        frame = subject.frame.sample(bench.plan.in_process_rows, replace=True, random_state=0)
        found = interleaved(_work(subject, frame, every), bench.plan.rounds)
        rounds |= {f"{label}, {who}, {threads}": values for (who, threads), values in found.items()}
        per_second = {key: len(frame) / middle(values) for key, values in found.items()}
        rows.append(
            (
                label,
                per_second["pipeline", 1],
                per_second["graph", 1],
                per_second["graph", 1] / per_second["pipeline", 1],
                per_second["pipeline", every],
                per_second["graph", every],
                per_second["graph", every] / per_second["pipeline", every],
                per_second["frame and graph", every] / per_second["pipeline", every],
            )
        )
    return Table(
        "in_process",
        f"In process, {bench.plan.in_process_rows:,} rows at once: rows a second",
        (
            "model",
            "pipeline.predict, 1 thread",
            "compiled, 1 thread",
            "×",
            f"pipeline.predict, {every} threads",
            f"compiled, {every} threads",
            "×",
            f"× from the DataFrame on, {every} threads",
        ),
        rows,
        (
            "`pipeline.predict` starts from a DataFrame, the compiled graph from the float64 matrix that the server "
            "fills; the last column counts making the matrix out of the same DataFrame too.",
        ),
        rounds,
    )


def _work(subject: Subject, frame: pd.DataFrame, every: int) -> dict[tuple[str, int], Callable[[], float]]:
    contract = subject.bundle.manifest.contract
    matrix = matrix_from_frame(contract, frame)
    expected = subject.pipeline.predict(frame)
    session = open_session(subject.bundle.program())
    work: dict[tuple[str, int], Callable[[], float]] = {}
    for threads in (1, every):
        _check(run(session, matrix, threads=threads)["prediction"], expected, subject)
        work["pipeline", threads] = partial(_predicting_s, subject.pipeline, frame, threads)
        work["graph", threads] = partial(_timed_s, partial(run, session, matrix, threads=threads))
        work["frame and graph", threads] = partial(_timed_s, partial(_from_frame, session, contract, frame, threads))
    return work


def _from_frame(session: Session, contract: Contract, frame: pd.DataFrame, threads: int) -> None:
    run(session, matrix_from_frame(contract, frame), threads=threads)


def _predicting_s(pipeline: Any, frame: pd.DataFrame, threads: int) -> float:
    if "n_jobs" in pipeline[-1].get_params(deep=False):  # a ColumnTransformer's would start processes, and lose by it
        pipeline[-1].set_params(n_jobs=threads)
    with threadpool_limits(threads):
        return _timed_s(partial(pipeline.predict, frame))


def _timed_s(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _check(found: NDArray[np.generic], expected: NDArray[np.float64], subject: Subject) -> None:
    wrong = ~np.isclose(found.astype(np.float64), expected, rtol=TOLERANCE, atol=TOLERANCE)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise FastTrackError(
            f"{subject.bundle.label}: row {row} is {found[row]!r} compiled and {expected[row]!r} by scikit-learn, as "
            f"are {int(wrong.sum()):,} of {len(found):,} rows; a wrong answer is not worth measuring"
        )


def _last(pipeline: Any) -> str:
    return type(pipeline[-1]).__name__
