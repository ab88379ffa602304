"""The promise that is checked before a bundle is written: rows sent as JSON get the fitted pipeline's own answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from fasttrack.contract.decode import Decoder, RefusedRequest
from fasttrack.contract.fitted_pipeline import predict
from fasttrack.contract.frame import json_columns, pipeline_input
from fasttrack.errors import TrainingError

if TYPE_CHECKING:
    import pandas as pd

    from fasttrack.contract.schema import Contract

__all__ = ["check_round_trip"]

_ROWS = 1000


def check_round_trip(contract: Contract, pipeline: Any, X: pd.DataFrame) -> None:
    """Send up to 1,000 rows of `X` [n, f] through JSON and compare the predictions with those for the rows themselves.

    Raises TrainingError naming the first row that is refused or answered differently.
    """
    rows = X.iloc[np.linspace(0, len(X) - 1, min(len(X), _ROWS)).astype(int)]
    body = msgspec.json.encode({"columns": json_columns(contract, rows)})
    try:
        batch = Decoder(contract, max_rows=_ROWS).rows(body)
    except RefusedRequest as refused:
        raise TrainingError(f"the contract refuses a row of its own training table: {refused.detail}") from None
    with_probabilities = contract.target.probabilities
    decoded = pipeline_input(contract, batch.matrix, batch.text)
    prediction, probabilities = predict(pipeline, decoded, probabilities=with_probabilities)
    direct = predict(pipeline, rows.to_numpy() if contract.input == "array" else rows, probabilities=with_probabilities)
    same = prediction == direct[0]
    if contract.target.task == "regression":
        same |= np.isclose(prediction, direct[0], rtol=1e-9, atol=0, equal_nan=True)
    if probabilities is not None and direct[1] is not None:
        same &= np.isclose(probabilities, direct[1], rtol=0, atol=1e-9, equal_nan=True).all(axis=1)
    if not same.all():
        first = int(np.flatnonzero(~same)[0])
        raise TrainingError(
            f"the pipeline gives another answer when its rows come as JSON (first at row {rows.index[first]}); "
            "a column's dtype is not kept: convert it inside the pipeline"
        )
