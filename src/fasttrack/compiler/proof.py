"""The proof that a compiled graph answers as scikit-learn does, on training rows and on edge rows."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fasttrack.compiler.edges import edge_rows
from fasttrack.contract.fitted_pipeline import answers
from fasttrack.contract.frame import pipeline_input
from fasttrack.graph import BatchSession, Program, Proof, open_session, refused, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fasttrack.compiler.compile import Compiled
    from fasttrack.contract import Contract

    Floats = NDArray[np.float64]
    _Rows = NDArray[np.int64] | slice
    _Outputs = dict[str, NDArray[Any]]

__all__ = ["TOLERANCE", "Proof", "prove"]

TOLERANCE = 1e-9
_REFUSED_TRIED = 30


def prove(
    compiled: Compiled,
    pipeline: Any,
    contract: Contract,
    X: pd.DataFrame | NDArray[Any],
    matrix: Floats,
    *,
    threads: int = 1,
    at_most: int | None = None,
    edges: int = 40_000,
    seed: int = 0,
) -> Proof:
    """Compare on `X`, n rows as the pipeline was fitted on, which are the rows of float64[n, f] `matrix`, and on edges.

    The form for many rows must answer as the graph does to the last bit.

    `threads` share the work; `at_most` so many rows are compared, spread evenly over all; `edges`: about how many edge
    rows at most. Rows that scikit-learn refuses must be refused, and no others.
    """
    random = np.random.default_rng(seed)
    of = len(matrix)
    if at_most is not None and at_most < of:
        picked = np.linspace(0, of - 1, at_most).astype(np.int64)
        X, matrix = _rows(X, picked), matrix[picked]
    else:
        picked = np.arange(of)
    made = edge_rows(compiled, contract, matrix, random, edges)
    judge = _Judge(compiled, pipeline, contract, threads)
    trained = judge.compare(lambda rows: _rows(X, rows), matrix, None)
    edge = judge.compare(lambda rows: pipeline_input(contract, made.matrix[rows]), made.matrix, trained.scale)
    worst = max(trained.worst, edge.worst)
    if edge.worst > trained.worst:
        column = f" in column {contract.columns[made.column[edge.row]].name!r}" if made.column[edge.row] >= 0 else ""
        where = f"edge row: {made.what[edge.row]}{column}"
    else:
        where = f"training row {picked[trained.row]}"
    reason = trained.reason or edge.reason
    labels_equal = trained.labels_equal and edge.labels_equal
    if not reason and not labels_equal:
        reason = f"the labels differ at {where}"
    if not reason and not worst <= TOLERANCE:
        reason = f"the answers differ by {worst:.1e} at {where}"
    if not reason and trained.unlike is not None:
        reason = f"its form for many rows answers otherwise for training row {picked[trained.unlike]}"
    if not reason and edge.unlike is not None:
        reason = f"its form for many rows answers otherwise for the edge row: {made.what[edge.unlike]}"
    return Proof(
        rows=len(matrix),
        of=of,
        edge_rows=len(made),
        worst=worst,
        where=where,
        labels_equal=labels_equal,
        tolerance=TOLERANCE,
        passed=not reason,
        reason=reason,
    )


@dataclass(frozen=True)
class _Finding:
    """`scale`: the median magnitude of the predictions. A row with another label counts as infinitely worse."""

    worst: float
    row: int
    labels_equal: bool
    scale: float
    reason: str = ""
    unlike: int | None = None
    """The first row that the form for many rows answers otherwise than the graph."""


@dataclass(frozen=True)
class _Judge:
    compiled: Compiled
    pipeline: Any
    contract: Contract
    threads: int

    def compare(self, inputs: Callable[[_Rows], Any], matrix: Floats, scale: float | None) -> _Finding:
        """Both answers for the rows of `matrix`; `inputs` gives the pipeline's input for row numbers."""
        try:
            found = self._shared(partial(run, open_session(Program(self.compiled.program.graph))), matrix)
            unlike = self._unlike(found, matrix)
        except Exception as error:  # noqa: BLE001  # onnxruntime raises a class for each kind of failure
            return _Finding(np.inf, 0, True, 1.0, f"onnxruntime does not run the graph: {_line(error)}")
        away = refused(self.compiled.refusals, self.contract, matrix)
        if "refused" in found:
            away |= found["refused"].astype(bool)
        taken = np.flatnonzero(~away)
        try:
            rows = inputs(taken if away.any() else slice(None))  # a slice copies nothing
            prediction, probabilities = self._sklearn(rows) if len(taken) else (np.empty(0), None)
        except Exception as error:  # noqa: BLE001  # the pipeline is the user's: it may raise anything
            said = f"scikit-learn refuses a row that the graph takes: {_line(error)}"
            return _Finding(np.inf, int(taken[0]), True, 1.0, said)
        for row in np.flatnonzero(away)[:: max(1, int(away.sum()) // _REFUSED_TRIED)]:
            if self._takes(inputs(np.array([row]))):
                return _Finding(np.inf, int(row), True, 1.0, f"the graph refuses row {row}, which scikit-learn takes")
        if not len(taken):
            return _Finding(0.0, 0, True, 1.0, unlike=unlike)
        ours = found["prediction"][taken]
        if self.contract.target.classes is None:
            gap, scale = _gap(ours.astype(np.float64), prediction, scale)
            labels_equal = True
        else:
            theirs = pd.Index(self.pipeline.classes_).get_indexer(prediction)
            same, scale = ours == theirs, 1.0
            gap = np.zeros(len(taken))
            if probabilities is not None:
                gap, _ = _gap(found["probabilities"][taken].astype(np.float64), probabilities, 1.0)
                same |= np.isnan(probabilities).any(axis=1) & (gap == 0)  # without a probability a label says nothing
            gap = np.where(same, gap, np.inf)
            labels_equal = bool(same.all())
        row = int(np.nanargmax(np.where(np.isnan(gap), np.inf, gap)))
        worst = float(np.where(np.isnan(gap[row]), np.inf, gap[row]))
        return _Finding(worst, int(taken[row]), labels_equal, scale, unlike=unlike)

    def _unlike(self, found: _Outputs, matrix: Floats) -> int | None:
        """The first row that the form for many rows answers otherwise than the graph, whose outputs are `found`."""
        content = self.compiled.program.batch
        if content is None:
            return None
        batch, names = BatchSession(content), list(found)
        many = self._shared(lambda rows: dict(zip(names, batch.run(names, rows), strict=True)), matrix)
        unlike = np.zeros(len(matrix), dtype=bool)
        for name, values in found.items():
            same = (values == many[name]) | ((values != values) & (many[name] != many[name]))
            unlike |= ~same.reshape(len(matrix), -1).all(axis=1)
        return int(np.argmax(unlike)) if unlike.any() else None

    def _shared(self, answered: Callable[[Floats], _Outputs], matrix: Floats) -> _Outputs:
        """The outputs for all rows, each thread taking some of them."""
        with ThreadPoolExecutor(self.threads) as pool:
            parts = list(pool.map(answered, np.array_split(matrix, self.threads)))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _sklearn(self, rows: Any) -> tuple[NDArray[Any], Floats | None]:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return answers(self.pipeline, rows, probabilities=self.contract.target.probabilities)

    def _takes(self, row: Any) -> bool:
        try:
            self._sklearn(row)
        except Exception:  # noqa: BLE001  # the pipeline is the user's: it may raise anything
            return False
        return True


def _rows(X: pd.DataFrame | NDArray[Any], rows: _Rows) -> Any:
    return X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _gap(ours: Floats, theirs: NDArray[Any], scale: float | None) -> tuple[Floats, float]:
    """By row the relative difference, and the magnitude below which it is relative to that."""
    theirs = theirs.astype(np.float64)
    if scale is None:
        scale = float(np.median(np.abs(theirs[np.isfinite(theirs)]))) if np.isfinite(theirs).any() else 1.0
    with np.errstate(all="ignore"):
        gap = np.abs(ours - theirs) / np.maximum(np.maximum(np.abs(theirs), scale), np.finfo(np.float64).tiny)
    # infinite and undefined answers are both told as no answer
    gap = np.where(~np.isfinite(ours) & ~np.isfinite(theirs), 0.0, gap)
    return gap if gap.ndim == 1 else gap.max(axis=1), scale
