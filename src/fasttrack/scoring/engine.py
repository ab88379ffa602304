"""The interface of an engine, which turns decoded rows into predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from fasttrack.contract.decode import CellIssue, RefusedRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from fasttrack.contract.decode import Batch
    from fasttrack.contract.schema import Label

__all__ = ["NO_ANSWER", "Engine", "Predictions", "first_failing_row", "unscorable"]

NO_ANSWER = "the model's answer is not a finite number, so the prediction is null"
"""The warning for a row without an answer."""


class Predictions(msgspec.Struct, frozen=True, eq=False):
    """The predictions for n rows.

    `prediction`: one value or label a row; None where there is no answer. `output`: float64[n], the value or the index
    of the class; NaN where there is no answer. `probabilities`: float64[n, c] in the order of the target's classes.
    `warnings`: one a row without an answer.
    """

    prediction: list[Label | None]
    output: NDArray[np.float64]
    probabilities: NDArray[np.float64] | None
    warnings: list[CellIssue]


class Engine(Protocol):
    """Scores decoded rows. `inline_rows`: how many may be scored on the event loop; more would stall it."""

    name: str
    inline_rows: int

    def score(self, batch: Batch) -> Predictions:
        """The predictions for `batch`; raises RefusedRequest, naming the row, when the model cannot score one."""
        ...


def unscorable(row: int) -> RefusedRequest:
    """The refusal of a row that the model cannot take, where no single column is to blame."""
    issue = CellIssue(row, None, "the model cannot score this row; a value in it is beyond what it can take")
    return RefusedRequest("invalid", f"row {row}: {issue.message}", [issue], 1)


def first_failing_row(batch: Batch, fails: Callable[[Batch], bool]) -> int | None:
    """The first row that an engine fails on, found by halving; `None` if it does not fail on any row alone."""
    start, stop = 0, len(batch)
    while stop - start > 1:
        middle = (start + stop) // 2
        if fails(batch.part(start, middle)):
            stop = middle
        else:
            start = middle
    return start if fails(batch.part(start, stop)) else None
