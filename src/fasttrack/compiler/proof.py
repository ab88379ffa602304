"""Proving a compiled graph: its predictions are compared with scikit-learn's on training rows and on edge rows."""

from __future__ import annotations

import dataclasses
import itertools
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fasttrack.compiler.edge_rows import generate_edge_rows
from fasttrack.contract.fitted_pipeline import predict
from fasttrack.contract.frame import pipeline_input, words_from_frame
from fasttrack.errors import in_a_line
from fasttrack.graph import ManyRowsSession, Proof, Session, TextFeatures, open_session, refused_rows, run
from fasttrack.progress import report_step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from fasttrack.compiler.compilation import CompiledPipeline
    from fasttrack.contract import Contract

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]
    _RowIndices = NDArray[np.int64] | slice
    _Words = Mapping[int, Sequence[str | None]]
    _Outputs = dict[str, NDArray[Any]]

__all__ = ["TOLERANCE", "Proof", "prove"]

TOLERANCE = 1e-9
_CHECKED_REFUSALS = 30
"""About so many of the rows that the graph refuses are passed to scikit-learn, one at a time."""
_EDGE_ROWS_PER_REFUSAL = 25
"""Where few edge rows are asked for, one refusal is checked for so many of them."""


# nine parameters: what is compared (five), and independent limits that tests and callers set by name
def prove(
    compiled: CompiledPipeline,
    pipeline: Any,
    contract: Contract,
    X: pd.DataFrame | NDArray[Any],
    matrix: Floats,
    *,
    threads: int = 1,
    max_rows: int | None = None,
    max_edge_rows: int = 40_000,
    seed: int = 0,
) -> Proof:
    """Compare `compiled` with `pipeline` on the rows of `X`, given as `matrix`, float64[n, f], too, and on edge rows.

    Predictions and probabilities may differ by TOLERANCE, labels not at all. Rows that scikit-learn refuses must be
    refused, and no others. The many-rows program must give the same values as the graph to the last bit.

    `max_rows`: compare at most so many training rows, evenly spaced. `max_edge_rows` is approximate.
    """
    random = np.random.default_rng(seed)
    of = len(matrix)
    if max_rows is not None and max_rows < of:
        row_numbers = np.linspace(0, of - 1, max_rows).astype(np.int64)
        X, matrix = _take_rows(X, row_numbers), matrix[row_numbers]
    else:
        row_numbers = np.arange(of)
    text = _read_words(compiled, contract, X)
    edge_rows = generate_edge_rows(compiled, contract, matrix, text, random, max_edge_rows)
    refusals = min(_CHECKED_REFUSALS, max(1, max_edge_rows // _EDGE_ROWS_PER_REFUSAL))
    comparer = _Comparer(compiled, pipeline, contract, threads, refusals)
    training = comparer.compare(lambda rows: _take_rows(X, rows), matrix, text, None)
    edges = comparer.compare(
        lambda rows: pipeline_input(contract, edge_rows.matrix[rows], _take_words(edge_rows.text, rows)),
        edge_rows.matrix,
        edge_rows.text,
        training.scale,
    )
    worst = max(training.worst, edges.worst)
    if edges.worst > training.worst:
        column = edge_rows.columns[edges.row]
        in_column = f" in column {contract.columns[column].name!r}" if column >= 0 else ""
        where = f"edge row: {edge_rows.kinds[edges.row]}{in_column}"
    else:
        where = f"training row {row_numbers[training.row]}"
    reason = training.reason or edges.reason
    labels_equal = training.labels_equal and edges.labels_equal
    if not reason and not labels_equal:
        reason = f"the labels differ at {where}"
    if not reason and not worst <= TOLERANCE:
        reason = f"the predictions differ by {worst:.1e} at {where}"
    if not reason and training.differing_row is not None:
        reason = f"the many-rows program differs from the graph at training row {row_numbers[training.differing_row]}"
    if not reason and edges.differing_row is not None:
        reason = f"the many-rows program differs from the graph at edge row: {edge_rows.kinds[edges.differing_row]}"
    return Proof(
        rows=len(matrix),
        of=of,
        edge_rows=len(edge_rows),
        worst=worst,
        where=where,
        labels_equal=labels_equal,
        tolerance=TOLERANCE,
        passed=not reason,
        reason=reason,
    )


@dataclass(frozen=True)
class _Comparison:
    """The result of a comparison. A row whose label differs counts as an infinite difference.

    `row`: where the difference is `worst`. `scale`: the median magnitude of the predictions. `reason`: why the rows
    could not be compared.
    """

    worst: float
    row: int
    labels_equal: bool
    scale: float
    reason: str = ""
    differing_row: int | None = None
    """The first row for which the many-rows program differs from the graph."""


@dataclass(frozen=True)
class _Comparer:
    compiled: CompiledPipeline
    pipeline: Any
    contract: Contract
    threads: int
    checked_refusals: int

    @cached_property
    def _graph(self) -> Session:
        return open_session(dataclasses.replace(self.compiled.program, many_rows=None))

    @cached_property
    def _many_rows(self) -> ManyRowsSession | None:
        many_rows = self.compiled.program.many_rows
        return None if many_rows is None else ManyRowsSession(many_rows)

    def compare(
        self, inputs: Callable[[_RowIndices], Any], matrix: Floats, text: _Words, scale: float | None
    ) -> _Comparison:
        """Compare both predictions for the rows of `matrix`, whose columns of text have the words `text`.

        `inputs` gives the pipeline's input for row indices.

        `scale`: below this magnitude, differences are relative to it; by default the median of these predictions.
        """
        try:
            outputs = self._run_threads(lambda rows, words: run(self._graph, rows, words), matrix, text)
            differing_row = self._find_differing_row(outputs, matrix, text)
        except Exception as error:  # noqa: BLE001  # onnxruntime raises a class of its own for each kind of failure
            report_step(f"onnxruntime does not run the graph: {in_a_line(error)}")
            return _failure(f"onnxruntime does not run the graph: {type(error).__name__}")
        refused = refused_rows(self.compiled.input_rules, self.contract, matrix)
        if "refused" in outputs:
            refused |= outputs["refused"].astype(bool)
        accepted = np.flatnonzero(~refused)
        try:
            rows = inputs(accepted if refused.any() else slice(None))  # a slice copies nothing
            prediction, probabilities = self._predict(rows) if len(accepted) else (np.empty(0), None)
        except Exception as error:  # noqa: BLE001  # the pipeline is the user's: it may raise anything
            report_step(f"scikit-learn refuses a row that the graph accepts: {in_a_line(error)}")
            reason = f"scikit-learn refuses a row that the graph accepts: {type(error).__name__}"
            return _failure(reason, int(accepted[0]))
        wrongly_refused = self._find_wrongly_refused(inputs, refused)
        if wrongly_refused is not None:
            reason = f"the graph refuses row {wrongly_refused}, which scikit-learn accepts"
            return _failure(reason, wrongly_refused)
        if not len(accepted):
            return _Comparison(0.0, 0, True, 1.0, differing_row=differing_row)
        labels_equal = True
        if self.contract.target.classes is None:
            gap, scale = _difference(outputs["prediction"][accepted].astype(np.float64), prediction, scale)
        else:
            gap, labels_equal = self._compare_classes(outputs, accepted, prediction, probabilities)
            scale = 1.0
        row = int(np.nanargmax(np.where(np.isnan(gap), np.inf, gap)))
        worst = float(np.where(np.isnan(gap[row]), np.inf, gap[row]))
        return _Comparison(worst, int(accepted[row]), labels_equal, scale, differing_row=differing_row)

    def _compare_classes(
        self, outputs: _Outputs, accepted: NDArray[np.intp], prediction: NDArray[Any], probabilities: Floats | None
    ) -> tuple[Floats, bool]:
        """The difference for each accepted row, infinite where the labels differ; and whether all labels are equal."""
        same = outputs["prediction"][accepted] == pd.Index(self.pipeline.classes_).get_indexer(prediction)
        gap = np.zeros(len(accepted))
        if probabilities is not None:
            gap, _ = _difference(outputs["probabilities"][accepted].astype(np.float64), probabilities, 1.0)
            same |= np.isnan(probabilities).any(axis=1) & (gap == 0)  # with undefined probabilities any label is right
        return np.where(same, gap, np.inf), bool(same.all())

    def _find_differing_row(self, outputs: _Outputs, matrix: Floats, text: _Words) -> int | None:
        """The first row for which the many-rows program differs from the graph's `outputs`."""
        program = self.compiled.program
        session, names = self._many_rows, list(outputs)
        if session is None:
            return None
        features = None if program.text is None else TextFeatures(program.text)

        def run_many(rows: Floats, words: _Words) -> _Outputs:
            if features is None:
                return dict(zip(names, session.run(names, {"rows": rows}), strict=True))
            parts = []
            for start in range(0, max(1, len(rows)), features.rows_at_once):
                part = rows[start : start + features.rows_at_once]
                parts.append(session.run(names, {"rows": part, **features.inputs(words, start, start + len(part))}))
            return {name: np.concatenate(values) for name, values in zip(names, zip(*parts, strict=True), strict=True)}

        many_rows = self._run_threads(run_many, matrix, text)
        differs = np.zeros(len(matrix), dtype=bool)
        for name, values in outputs.items():
            other = many_rows[name]
            same = (values == other) | ((values != values) & (other != other))
            differs |= ~same.reshape(len(matrix), -1).all(axis=1)
        return int(np.argmax(differs)) if differs.any() else None

    def _find_wrongly_refused(self, inputs: Callable[[_RowIndices], Any], refused: Bools) -> int | None:
        """The first of some refused rows that scikit-learn accepts."""
        for row in np.flatnonzero(refused)[:: max(1, int(refused.sum()) // self.checked_refusals)]:
            if self._accepts(inputs(np.array([row]))):
                return int(row)
        return None

    def _accepts(self, rows: Any) -> bool:
        """Whether scikit-learn accepts the rows."""
        try:
            self._predict(rows)
        except Exception:  # noqa: BLE001  # the pipeline is the user's: it may raise anything
            return False
        return True

    def _run_threads(self, predict: Callable[[Floats, _Words], _Outputs], matrix: Floats, text: _Words) -> _Outputs:
        """The outputs for all rows, which are divided among the threads."""
        bounds = np.linspace(0, len(matrix), self.threads + 1).astype(int).tolist()
        slices = [slice(start, stop) for start, stop in itertools.pairwise(bounds)]
        with ThreadPoolExecutor(self.threads) as pool:
            parts = list(pool.map(lambda rows: predict(matrix[rows], _take_words(text, rows)), slices))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _predict(self, rows: Any) -> tuple[NDArray[Any], Floats | None]:
        """scikit-learn's predictions and probabilities."""
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return predict(self.pipeline, rows, probabilities=self.contract.target.probabilities)


def _failure(reason: str, row: int = 0) -> _Comparison:
    return _Comparison(np.inf, row, True, 1.0, reason)


def _take_rows(X: pd.DataFrame | NDArray[Any], rows: _RowIndices) -> Any:
    return X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]


def _read_words(compiled: CompiledPipeline, contract: Contract, X: pd.DataFrame | NDArray[Any]) -> _Words:
    """The words of the columns that the compiled pipeline reads, and of all columns of free text."""
    if not isinstance(X, pd.DataFrame):
        return {}
    read = {j for j, column in enumerate(contract.columns) if column.kind == "text"}
    if compiled.text is not None:
        read |= set(TextFeatures(compiled.text).columns)
    return words_from_frame(contract, X, sorted(read))


def _take_words(text: _Words, rows: _RowIndices) -> _Words:
    if isinstance(rows, slice):
        return {j: words[rows] for j, words in text.items()}
    return {j: [words[row] for row in rows.tolist()] for j, words in text.items()}


def _difference(ours: Floats, theirs: NDArray[Any], scale: float | None) -> tuple[Floats, float]:
    """The largest difference in each row, and the `scale`: differences of smaller predictions are relative to it."""
    theirs = theirs.astype(np.float64)
    if scale is None:
        scale = float(np.median(np.abs(theirs[np.isfinite(theirs)]))) if np.isfinite(theirs).any() else 1.0
    with np.errstate(all="ignore"):
        gap = np.abs(ours - theirs) / np.maximum(np.maximum(np.abs(theirs), scale), np.finfo(np.float64).tiny)
    # infinite and undefined predictions are equal: both are reported as no prediction
    gap = np.where(~np.isfinite(ours) & ~np.isfinite(theirs), 0.0, gap)
    return gap if gap.ndim == 1 else gap.max(axis=1), scale
