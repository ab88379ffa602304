"""What a fitted pipeline says of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["answers"]


def answers(pipeline: Any, rows: Any, *, probabilities: bool) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
    """Predictions [n] and, if asked for, probabilities [n, c] for the rows of a DataFrame or an array.

    `rows` stay as they are: a step made with `copy=False` changes what it is handed, and with it the second answer.
    Raises what the pipeline raises.
    """
    prediction = np.asarray(pipeline.predict(rows.copy()))
    return prediction, np.asarray(pipeline.predict_proba(rows.copy()), dtype=np.float64) if probabilities else None
