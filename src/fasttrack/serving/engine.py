"""What turns decoded rows into predictions. The scikit-learn engine serves a pipeline that was not compiled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fasttrack.contract.decode import CellIssue, RefusedRequest
from fasttrack.contract.frame import pipeline_input

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.contract.decode import Batch
    from fasttrack.contract.schema import Contract, Label

__all__ = ["Engine", "Scores", "SklearnEngine"]


@dataclass(frozen=True, slots=True)
class Scores:
    """`prediction`: one value or label a row. `probabilities`: float64[n, c] in the order of the target's classes."""

    prediction: list[Label | None]
    probabilities: NDArray[np.float64] | None
    warnings: list[CellIssue]


class Engine(Protocol):
    """Scores decoded rows. `blocking` says that a call may take long enough to stall an event loop."""

    name: str
    blocking: bool

    def score(self, batch: Batch) -> Scores:
        """The predictions for `batch`; raises RefusedRequest, naming the row, when the model cannot score one."""
        ...


class SklearnEngine:
    """Hands a DataFrame with the training frame's names and dtypes to the fitted pipeline."""

    name = "sklearn"
    blocking = True

    def __init__(self, contract: Contract, pipeline: Any) -> None:
        self._contract = contract
        self._pipeline = _single_threaded(pipeline)

    def score(self, batch: Batch) -> Scores:
        """As Engine.score. One call of the pipeline, for whichever number of rows."""
        if not len(batch):
            empty = np.empty((0, len(self._contract.target.classes or ())))
            return Scores([], empty if self._contract.target.probabilities else None, [])
        try:
            prediction, probabilities = self._run(batch)
        except Exception as error:
            row = self._first_bad_row(batch)
            if row is None:
                raise
            issue = CellIssue(row, None, "the model cannot score this row; a value in it is beyond what it can take")
            raise RefusedRequest("invalid", f"row {row}: {issue.message}", [issue], 1) from error
        return _scores(prediction, probabilities, self._contract)

    def _run(self, batch: Batch) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
        rows = pipeline_input(self._contract, batch.matrix, batch.text)
        probabilities = None
        with np.errstate(all="ignore"):  # an overflow shows in the answer, and is told there
            prediction = np.asarray(self._pipeline.predict(rows))
            if self._contract.target.probabilities:
                probabilities = np.asarray(self._pipeline.predict_proba(rows), dtype=np.float64)
        return prediction, probabilities

    def _first_bad_row(self, batch: Batch) -> int | None:
        """The first row that the pipeline raises on, by halving; `None` when it is not the fault of a row."""
        start, stop = 0, len(batch)
        while stop - start > 1:
            middle = (start + stop) // 2
            if self._fails(batch.part(start, middle)):
                stop = middle
            else:
                start = middle
        return start if self._fails(batch.part(start, stop)) else None

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
    warnings = []
    if contract.target.task == "regression":
        for row in np.flatnonzero(~np.isfinite(prediction.astype(np.float64))):
            values[row] = None
            message = "the model's answer is not a finite number, so the prediction is null"
            warnings.append(CellIssue(int(row), None, message))
    return Scores(values, probabilities, warnings)
