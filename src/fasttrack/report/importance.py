"""What a model depends on: how much worse it gets on the hold-out when the values of a column are shuffled."""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.contract.frame import matrix_from_frame, words_from_frame
from fasttrack.errors import in_a_line
from fasttrack.evaluation import RESAMPLES, draw_counts, primary_metric
from fasttrack.graph import Program, open_session, run
from fasttrack.progress import report_step
from fasttrack.report.labelled_predictions import labelled_predictions, losses
from fasttrack.training.holdout import predict_holdout
from fasttrack.training.sensitivity import sensitivity

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fasttrack.contract.schema import Contract
    from fasttrack.report.labelled_predictions import LabelledPredictions
    from fasttrack.training.holdout import HoldOut

    Floats = NDArray[np.float64]
    PredictShuffled = Callable[[int, NDArray[np.intp]], LabelledPredictions]
    """A column and the rows to take its values from → the predictions."""

__all__ = ["ColumnImportance", "Importance", "permutation_importance"]

MOST_COLUMNS = 40
"""How many columns are measured; of a wider model those that change its predictions most."""
_REPEATS = 5
_ROWS = 2000
_PREDICTIONS = 150_000
"""The most rows that are predicted: a fixed bound, because with one by the clock two reports could differ."""


@dataclass(frozen=True)
class ColumnImportance:
    """By how much the metric gets worse when column `column` is shuffled, with its 95 % interval."""

    column: int
    worse: float
    low: float
    high: float


@dataclass(frozen=True)
class Importance:
    """The measured columns, the most important first."""

    metric: str
    rows: int
    repeats: int
    columns: list[ColumnImportance]
    obstacle: str = ""
    """Why nothing was measured."""


def permutation_importance(
    pipeline: Any, contract: Contract, held: HoldOut, *, program: Program | None = None, seed: int = 0
) -> Importance:
    """Permutation importance (Breiman, Random Forests, 2001) by the primary metric, each column shuffled five times.

    At most 2,000 rows, evenly spaced; the compiled `program` predicts if there is one. The interval is that of 1,000
    bootstrap resamples of the rows, or of their clusters; both sides of the difference use the same resamples.
    """
    metric = primary_metric(contract.target.task, contract.target.probabilities).name
    columns = list(range(len(contract.columns)))
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            if len(columns) > MOST_COLUMNS:
                moved = sensitivity(pipeline, held.X, array=contract.input == "array", seed=seed)
                columns = sorted(columns, key=lambda j: -moved[j])[:MOST_COLUMNS]
            rows = min(len(held.X), _ROWS, _PREDICTIONS // (_REPEATS * len(columns)))
            sample = _take(held, np.linspace(0, len(held.X) - 1, rows).astype(int))
            repeated = _take(sample, np.tile(np.arange(rows), _REPEATS))
            if program is None:
                predict = _pipeline_predictor(pipeline, contract, repeated)
            else:
                predict = _program_predictor(program, contract, repeated)
            return Importance(metric, rows, _REPEATS, _measure(contract, sample, predict, columns, metric, seed))
    except Exception as error:  # noqa: BLE001  # the pipeline is the user's, and may refuse rows of mixed origin
        report_step(f"the pipeline does not take rows with shuffled values: {in_a_line(error)}")
        # the report is published, and the message of other people's code may quote a cell
        obstacle = f"the pipeline does not take rows with shuffled values: {type(error).__name__}"
        return Importance(metric, 0, _REPEATS, [], obstacle)


def _measure(
    contract: Contract, sample: HoldOut, predict: PredictShuffled, columns: list[int], metric: str, seed: int
) -> list[ColumnImportance]:
    random = np.random.default_rng(seed)
    rows = len(sample.X)
    loss = losses(labelled_predictions(contract.target, sample))
    resamples = draw_counts(random, RESAMPLES, rows, sample.clusters and sample.clusters.enough)
    weights = np.vstack([np.ones(rows), resamples])  # the first weighs the rows as they are
    if sample.weights is not None and sample.weights.any():
        weights *= sample.weights
        weights = weights[weights.any(axis=1)]
    weights /= weights.sum(axis=1, keepdims=True)
    measured = []
    for j in columns:
        order = np.concatenate([random.permutation(rows) for _ in range(_REPEATS)])
        shuffled_loss = losses(predict(j, order)).reshape(_REPEATS, rows).mean(axis=0)
        worse = _metric_value(metric, weights @ shuffled_loss) - _metric_value(metric, weights @ loss)
        low, high = np.percentile(worse[1:], [2.5, 97.5])
        measured.append(ColumnImportance(j, float(worse[0]), float(low), float(high)))
    return sorted(measured, key=lambda column: (-column.worse, column.column))


def _pipeline_predictor(pipeline: Any, contract: Contract, rows: HoldOut) -> PredictShuffled:
    def predict(column: int, order: NDArray[np.intp]) -> LabelledPredictions:
        X = rows.X.copy(deep=False)
        X.isetitem(column, rows.X.iloc[order, column].reset_index(drop=True))
        return labelled_predictions(contract.target, predict_holdout(pipeline, contract, X, rows.y))

    return predict


def _program_predictor(program: Program, contract: Contract, rows: HoldOut) -> PredictShuffled:
    session, matrix = open_session(program), matrix_from_frame(contract, rows.X)
    text = words_from_frame(contract, rows.X) if session.text is not None else {}
    unshuffled = labelled_predictions(contract.target, rows)

    def predict(column: int, order: NDArray[np.intp]) -> LabelledPredictions:
        shuffled = matrix.copy()
        shuffled[:, column] = matrix[order, column]
        words = {**text, column: [text[column][row] for row in order.tolist()]} if column in text else text
        outputs = run(session, shuffled, words)
        probabilities = None if unshuffled.probabilities is None else outputs["probabilities"].astype(np.float64)
        return dataclasses.replace(unshuffled, prediction=outputs["prediction"], probabilities=probabilities)

    return predict


def _metric_value(metric: str, mean_loss: Floats) -> Floats:
    """The metric from the mean loss; in place of the accuracy the share of wrong labels."""
    value: Floats = np.sqrt(mean_loss) if metric == "rmse" else mean_loss
    return value


def _take(held: HoldOut, rows: NDArray[Any]) -> HoldOut:
    clusters = held.clusters
    if clusters is not None:  # a small one may have no row among them
        codes = np.unique(clusters.codes[rows], return_inverse=True)[1]
        clusters = dataclasses.replace(clusters, codes=codes)
    return dataclasses.replace(
        held,
        clusters=clusters,
        X=held.X.iloc[rows].reset_index(drop=True),
        y=held.y.iloc[rows].reset_index(drop=True),
        weights=None if held.weights is None else held.weights[rows],
        prediction=held.prediction[rows],
        probabilities=None if held.probabilities is None else held.probabilities[rows],
    )
