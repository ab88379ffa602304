"""A stored version that predicts in this process, with the answers, refusals and warnings of the server."""

from __future__ import annotations

import html
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.contract.decode import RefusedRequest
from fasttrack.contract.published import published_example
from fasttrack.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fasttrack.bundle import Manifest
    from fasttrack.contract.metric import Metric
    from fasttrack.contract.refusal import CellIssue
    from fasttrack.contract.schema import Contract, Label
    from fasttrack.scoring.engine import Predictions
    from fasttrack.scoring.model import ScoringModel

__all__ = ["LoadedModel", "PredictionWarning"]


class PredictionWarning(UserWarning):
    """A row was scored, but a cell is unlike training: an unseen category, a number out of range, an unknown column."""


class LoadedModel:
    """A version that predicts in this process, with the contract and the engine that would serve it."""

    def __init__(self, model: ScoringModel) -> None:
        self._model = model

    @property
    def label(self) -> str:
        """`name@version`."""
        return self._model.label

    @property
    def manifest(self) -> Manifest:
        """What is known about the version."""
        return self._model.bundle.manifest

    @property
    def contract(self) -> Contract:
        """The columns that it takes, and the target."""
        return self._model.contract

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Metrics on the hold-out, each with a 95 % interval."""
        return self.manifest.metrics

    @property
    def engine(self) -> str:
        """`onnx` for a compiled model, else `sklearn`."""
        return self._model.engine.name

    def predict(self, rows: Any) -> NDArray[Any]:
        """Predictions [n]: float64 for regression, NaN where there is none; labels for classification.

        `rows` are a DataFrame, an Arrow table, a dictionary of columns or of one row, or a list of rows. Columns are
        matched by name. Raises DataError, naming row and column, where the server would refuse the request; warns with
        PredictionWarning where the server's reply has warnings.
        """
        predictions = self._score(rows)
        if self.contract.target.classes is None:
            return predictions.output
        return _labels(predictions.prediction)

    def predict_proba(self, rows: Any) -> NDArray[np.float64]:
        """Probabilities float64[n, c] in the order of `contract.target.classes`; `rows` as for `predict`.

        Raises DataError as `predict`, and for a model that gives no probabilities.
        """
        if not self.contract.target.probabilities:
            raise DataError(f"{self.label} gives no probabilities; use predict")
        probabilities = self._score(rows).probabilities
        assert probabilities is not None  # noqa: S101  # the contract promises them
        return probabilities

    def _score(self, rows: Any) -> Predictions:
        try:
            batch = self._model.decoder.columns(_table(rows, self.contract.names))
            predictions = self._model.engine.score(batch)
        except RefusedRequest as refusal:
            raise DataError(f"{self.label}: {refusal.detail}") from None
        for issue in (*batch.warnings, *predictions.warnings):
            warnings.warn(f"{self.label}: {_with_place(issue)}", PredictionWarning, stacklevel=3)
        return predictions

    def __repr__(self) -> str:
        target = self.contract.target
        return (
            f"<{self.label}: {self.manifest.training.estimator}, {target.task} of {target.name!r}, "
            f"{len(self.contract.columns)} columns, {self.engine}>"
        )

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(column.name)}</td><td>{column.kind}</td>"
            f"<td>{'may be missing' if column.nullable else ''}</td>"
            f"<td>{html.escape(str(published_example(column)))}</td></tr>"
            for column in self.contract.columns
        )
        return (
            f"<p><b>{html.escape(repr(self)[1:-1])}</b></p><table><thead><tr><th>column</th><th>kind</th><th></th>"
            f"<th>example</th></tr></thead><tbody>{rows}</tbody></table>"
        )


def _table(rows: Any, names: list[str]) -> Any:
    """`rows` as a table: one row and lists of rows are turned into columns, anything else is left as it is."""
    if isinstance(rows, Mapping):
        if not rows:
            return {name: [None] for name in names}
        single = all(isinstance(cell, str | bytes) or not hasattr(cell, "__len__") for cell in rows.values())
        return {name: [cell] for name, cell in rows.items()} if single else rows
    if isinstance(rows, list | tuple):
        if not all(isinstance(row, Mapping) for row in rows):
            raise DataError("a list of rows must hold dictionaries with the columns' names")
        present = dict.fromkeys(name for row in rows for name in row)
        return {name: [row.get(name) for row in rows] for name in (present or names)}
    return rows


def _labels(values: list[Label | None]) -> NDArray[Any]:
    """As NumPy holds labels of one type; as objects where they are not of one."""
    labels = np.array(values, dtype=object)
    kinds = {type(value) for value in values}
    return labels.astype(kinds.pop()) if len(kinds) == 1 else labels


def _with_place(issue: CellIssue) -> str:
    where = ", ".join(
        [f"row {issue.row}"] * (issue.row is not None) + [f"column {issue.column!r}"] * (issue.column is not None)
    )
    return f"{where}: {issue.message}" if where else issue.message
