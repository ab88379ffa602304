"""Calling a fitted pipeline: its predictions for rows, the same to the last bit each time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["call_method", "predict"]


def predict(pipeline: Any, rows: Any, *, probabilities: bool) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
    """Predictions [n] and, with `probabilities`, float64[n, c] for the rows of a DataFrame or an array.

    `rows` are not changed, although a step made with `copy=False` works in place. Raises what the pipeline raises.
    """
    prediction = call_method(pipeline.predict, rows)
    if not probabilities:
        return prediction, None
    return prediction, call_method(pipeline.predict_proba, rows).astype(np.float64, copy=False)


def call_method(method: Callable[[Any], Any], rows: Any) -> NDArray[Any]:
    """The result of one of the pipeline's methods for a copy of `rows`. Raises what the pipeline raises."""
    import joblib  # late, because a server of compiled models has no pipeline and does without

    with joblib.parallel_config("sequential"):  # threads add up a forest's trees in another order each time
        return np.asarray(method(rows.copy()))
