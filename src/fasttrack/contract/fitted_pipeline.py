"""What a fitted pipeline says of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["answer", "answers"]


def answers(pipeline: Any, rows: Any, *, probabilities: bool) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
    """Predictions [n] and, if asked for, probabilities [n, c] for the rows of a DataFrame or an array.

    `rows` stay as they are: a step made with `copy=False` changes what it is handed, and with it the second answer.
    The same rows get the same answers to the bit. Raises what the pipeline raises.
    """
    prediction = answer(pipeline.predict, rows)
    return prediction, answer(pipeline.predict_proba, rows).astype(np.float64, copy=False) if probabilities else None


def answer(method: Callable[[Any], Any], rows: Any) -> NDArray[Any]:
    """As `answers`, of one of the pipeline's methods."""
    import joblib  # here: whoever serves a graph has no pipeline to ask, and goes without

    with joblib.parallel_config("sequential"):  # threads add up a forest's trees in another order each time
        return np.asarray(method(rows.copy()))
