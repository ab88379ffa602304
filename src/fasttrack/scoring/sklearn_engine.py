"""The engine of a pipeline that was not compiled: scikit-learn itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.contract.decode import CellIssue
from fasttrack.contract.fitted_pipeline import answers
from fasttrack.contract.frame import pipeline_input
from fasttrack.scoring.engine import NO_ANSWER, Scores, first_failing_row, unscorable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.contract.decode import Batch
    from fasttrack.contract.schema import Contract, Label

__all__ = ["SklearnEngine"]


class SklearnEngine:
    """Hands a DataFrame with the training frame's names and dtypes to the fitted pipeline."""

    name = "sklearn"
    inline_rows = 0

    def __init__(self, contract: Contract, pipeline: Any) -> None:
        self._contract = contract
        self._pipeline = _single_threaded(pipeline)

    def score(self, batch: Batch) -> Scores:
        """As Engine.score. One call of the pipeline, for whichever number of rows."""
        if not len(batch):
            empty = np.empty((0, len(self._contract.target.classes or ())))
            return Scores([], np.empty(0), empty if self._contract.target.probabilities else None, [])
        try:
            prediction, probabilities = self._run(batch)
        except Exception as error:
            row = first_failing_row(batch, self._fails)
            if row is None:
                raise
            raise unscorable(row) from error
        return _scores(prediction, probabilities, self._contract)

    def _run(self, batch: Batch) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
        rows = pipeline_input(self._contract, batch.matrix, batch.text)
        try:
            with np.errstate(all="ignore"):  # an overflow shows in the answer, and is told there
                return answers(self._pipeline, rows, probabilities=self._contract.target.probabilities)
        except SystemExit as error:  # it would end the server
            raise RuntimeError("the pipeline wants to exit") from error

    def _fails(self, batch: Batch) -> bool:
        try:
            self._run(batch)
        except Exception:  # noqa: BLE001  # the pipeline is the user's: it may raise anything
            return True
        return False


def _single_threaded(pipeline: Any) -> Any:
    """Set every `n_jobs` to 1: requests are the unit of parallelism, and a pool a request costs more than it gives."""
    parameters = pipeline.get_params(deep=True) if hasattr(pipeline, "get_params") else {}
    jobs = {name: 1 for name in parameters if name == "n_jobs" or name.endswith("__n_jobs")}
    return pipeline.set_params(**jobs) if jobs else pipeline


def _scores(prediction: NDArray[Any], probabilities: NDArray[np.float64] | None, contract: Contract) -> Scores:
    values: list[Label | None] = prediction.reshape(len(prediction)).tolist()
    if contract.target.classes is not None:
        codes = {label: float(code) for code, label in enumerate(contract.target.classes)}
        output = np.array([codes.get(value, np.nan) for value in values])  # type: ignore[arg-type]
        return Scores(values, output, probabilities, [])
    output = prediction.reshape(len(prediction)).astype(np.float64)
    absent = ~np.isfinite(output)
    warnings = []
    for row in np.flatnonzero(absent).tolist():
        values[row] = None
        warnings.append(CellIssue(row, None, NO_ANSWER))
    return Scores(values, np.where(absent, np.nan, output), probabilities, warnings)
