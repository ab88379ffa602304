"""The engine of a pipeline that was not compiled: runs scikit-learn itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.contract.decode import CellIssue
from fasttrack.contract.fitted_pipeline import predict
from fasttrack.contract.frame import pipeline_input
from fasttrack.scoring.engine import NO_ANSWER, Predictions, first_failing_row, unscorable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.contract.decode import Batch
    from fasttrack.contract.schema import Contract, Label

__all__ = ["SklearnEngine"]


class SklearnEngine:
    """Calls the fitted pipeline with a DataFrame of the training frame's names and dtypes."""

    name = "sklearn"
    inline_rows = 0

    def __init__(self, contract: Contract, pipeline: Any) -> None:
        self._contract = contract
        self._pipeline = _single_threaded(pipeline)

    def score(self, batch: Batch) -> Predictions:
        """As Engine.score. One call of the pipeline, whatever the number of rows."""
        if not len(batch):
            empty = np.empty((0, len(self._contract.target.classes or ())))
            return Predictions([], np.empty(0), empty if self._contract.target.probabilities else None, [])
        try:
            prediction, probabilities = self._run(batch)
        except Exception as error:
            row = first_failing_row(batch, self._fails)
            if row is None:
                raise
            raise unscorable(row) from error
        return _predictions(prediction, probabilities, self._contract)

    def _run(self, batch: Batch) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
        rows = pipeline_input(self._contract, batch.matrix, batch.text)
        try:
            with np.errstate(all="ignore"):  # an overflow gives an answer that is not finite, which gets a warning
                return predict(self._pipeline, rows, probabilities=self._contract.target.probabilities)
        except SystemExit as error:  # it would end the server
            raise RuntimeError("the pipeline called sys.exit") from error

    def _fails(self, batch: Batch) -> bool:
        try:
            self._run(batch)
        except Exception:  # noqa: BLE001  # the pipeline is the user's: it may raise anything
            return True
        return False


def _single_threaded(pipeline: Any) -> Any:
    """Set every `n_jobs` to 1: requests run in parallel already, and a pool for each costs more than it saves."""
    parameters = pipeline.get_params(deep=True) if hasattr(pipeline, "get_params") else {}
    jobs = {name: 1 for name in parameters if name == "n_jobs" or name.endswith("__n_jobs")}
    return pipeline.set_params(**jobs) if jobs else pipeline


def _predictions(
    prediction: NDArray[Any], probabilities: NDArray[np.float64] | None, contract: Contract
) -> Predictions:
    values: list[Label | None] = prediction.reshape(len(prediction)).tolist()
    if contract.target.classes is not None:
        codes = {label: float(code) for code, label in enumerate(contract.target.classes)}
        output = np.array([codes.get(value, np.nan) for value in values])  # type: ignore[arg-type]
        return Predictions(values, output, probabilities, [])
    output = prediction.reshape(len(prediction)).astype(np.float64)
    absent = ~np.isfinite(output)
    warnings = []
    for row in np.flatnonzero(absent).tolist():
        values[row] = None
        warnings.append(CellIssue(row, None, NO_ANSWER))
    return Predictions(values, np.where(absent, np.nan, output), probabilities, warnings)
