"""Load a bundle as an MLflow model: the entry point of `mlflow.pyfunc.load_model` and `mlflow models serve`.

A DataFrame goes through the contract's decoder to the engine that the server uses, so the predictions are the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.bundle import open_bundle
from fasttrack.contract.decode import Decoder, RefusedRequest
from fasttrack.errors import DataError
from fasttrack.scoring.open import engine_of
from fasttrack.tracking.model_files import PREDICT_METHOD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fasttrack.bundle import Bundle

__all__ = ["BundleModel"]


class BundleModel:
    """A bundle with the interface that MLflow calls."""

    def __init__(self, bundle: Bundle) -> None:
        self._contract = bundle.manifest.contract
        self._decoder = Decoder(self._contract)
        self._engine = engine_of(bundle)

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> Any:
        """The predictions [n], or with `predict_method="predict_proba"` the probabilities, float64[n, classes].

        `model_input` [n, f] is a DataFrame with the contract's columns by name, or rows with the columns in its order.
        Raises MlflowException naming the row and column that the contract refuses.
        """
        import pandas as pd
        from mlflow.exceptions import MlflowException

        method = (params or {}).get(PREDICT_METHOD, "predict")
        if method not in ("predict", "predict_proba"):
            raise MlflowException.invalid_parameter_value(f"{PREDICT_METHOD}: write predict or predict_proba")
        names = self._contract.names
        frame = model_input if isinstance(model_input, pd.DataFrame) else pd.DataFrame(model_input, columns=names)
        if not len(frame):
            return np.empty((0, len(self._contract.target.classes or ())) if method == "predict_proba" else 0)
        try:
            scores = self._engine.score(self._decoder.columns(frame))
        except (RefusedRequest, DataError) as error:
            raise MlflowException.invalid_parameter_value(str(error)) from None
        if method == "predict":
            return np.array([np.nan if value is None else value for value in scores.prediction])
        if scores.probabilities is None:
            raise MlflowException.invalid_parameter_value(f"{PREDICT_METHOD}: this model gives no probabilities")
        return scores.probabilities


def _load_pyfunc(path: str) -> BundleModel:
    """The model in a folder, for MLflow; every file's digest is checked."""
    return BundleModel(open_bundle(Path(path)))
