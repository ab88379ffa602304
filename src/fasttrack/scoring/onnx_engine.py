"""The engine of a compiled pipeline: one run of its graph on the decoded matrix, without scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fasttrack.contract.decode import CellIssue
from fasttrack.contract.refusal import Findings
from fasttrack.graph import InputRules, Program, open_session, run, violations
from fasttrack.scoring.engine import NO_ANSWER, Scores, unscorable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.contract.decode import Batch
    from fasttrack.contract.schema import Contract, Label

__all__ = ["OnnxEngine"]


class OnnxEngine:
    """Runs a graph whose answers were proved to be the pipeline's.

    One thread a run: workers and requests are the unit of parallelism, and trees are added up in one order.
    """

    name = "onnx"
    inline_rows = 256
    """Some milliseconds of a large ensemble."""

    def __init__(self, contract: Contract, program: Program, refusals: InputRules | None) -> None:
        self._contract = contract
        self._classes = contract.target.classes
        self._refusals = refusals or InputRules()
        self._session = open_session(program)

    def score(self, batch: Batch) -> Scores:
        """As Engine.score."""
        matrix = batch.matrix
        self._refuse(matrix)
        answers = run(self._session, matrix)
        if "refused" in answers and answers["refused"].any():
            raise unscorable(int(np.flatnonzero(answers["refused"])[0]))
        output = answers["prediction"].astype(np.float64, copy=False)
        if self._classes is not None:
            labels: list[Label | None] = [self._classes[index] for index in answers["prediction"].tolist()]
            shares = answers.get("probabilities")
            return Scores(labels, output, None if shares is None else shares.astype(np.float64, copy=False), [])
        prediction: list[Label | None] = output.tolist()
        absent = ~np.isfinite(output)
        if not absent.any():
            return Scores(prediction, output, None, [])
        warnings = []
        for row in np.flatnonzero(absent).tolist():
            prediction[row] = None
            warnings.append(CellIssue(row, None, NO_ANSWER))
        return Scores(prediction, np.where(absent, np.nan, output), None, warnings)

    def _refuse(self, matrix: NDArray[np.float64]) -> None:
        found = Findings()
        for column, rows, reason, message in violations(self._refusals, self._contract, matrix):
            found.add_rows(np.flatnonzero(rows).tolist(), self._contract.columns[column].name, message, reason)
        found.refuse()
