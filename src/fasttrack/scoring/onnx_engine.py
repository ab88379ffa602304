"""The engine of a compiled pipeline: runs its graph on the decoded matrix, without scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fasttrack.contract.decode import CellIssue
from fasttrack.contract.refusal import Issues
from fasttrack.graph import InputRules, Program, open_session, run, violations
from fasttrack.scoring.engine import NO_ANSWER, Predictions, unscorable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.contract.decode import Batch
    from fasttrack.contract.schema import Contract, Label

__all__ = ["OnnxEngine"]


_INLINE_TEXTS = 64


class OnnxEngine:
    """Runs a graph that was proved to give the pipeline's predictions.

    One thread a run: workers and requests run in parallel instead, and trees are always added up in the same order.
    """

    name = "onnx"
    inline_rows = 256
    """These take a large ensemble some milliseconds. Of texts there may be fewer, because each may be long."""

    def __init__(self, contract: Contract, program: Program, refusals: InputRules | None) -> None:
        self._contract = contract
        self._classes = contract.target.classes
        self._refusals = refusals or InputRules()
        self._session = open_session(program)
        if program.text is not None:
            self.inline_rows = _INLINE_TEXTS

    def score(self, batch: Batch) -> Predictions:
        """As Engine.score."""
        matrix = batch.matrix
        self._refuse(matrix)
        answers = run(self._session, matrix, batch.text)
        if "refused" in answers and answers["refused"].any():
            raise unscorable(int(np.flatnonzero(answers["refused"])[0]))
        output = answers["prediction"].astype(np.float64, copy=False)
        if self._classes is not None:
            labels: list[Label | None] = [self._classes[index] for index in answers["prediction"].tolist()]
            probabilities = answers.get("probabilities")
            return Predictions(
                labels, output, None if probabilities is None else probabilities.astype(np.float64, copy=False), []
            )
        prediction: list[Label | None] = output.tolist()
        absent = ~np.isfinite(output)
        if not absent.any():
            return Predictions(prediction, output, None, [])
        warnings = []
        for row in np.flatnonzero(absent).tolist():
            prediction[row] = None
            warnings.append(CellIssue(row, None, NO_ANSWER))
        return Predictions(prediction, np.where(absent, np.nan, output), None, warnings)

    def _refuse(self, matrix: NDArray[np.float64]) -> None:
        issues = Issues()
        for column, broken, reason, message in violations(self._refusals, self._contract, matrix):
            issues.add_rows(np.flatnonzero(broken).tolist(), self._contract.columns[column].name, message, reason)
        issues.refuse()
