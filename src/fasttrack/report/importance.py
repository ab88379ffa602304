"""On what a model depends: how much worse it gets on the hold-out when a column's cells are shuffled."""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.contract.frame import matrix_from_frame
from fasttrack.errors import in_a_line
from fasttrack.evaluation import RESAMPLES, primary, resampled
from fasttrack.graph import Program, open_session, run
from fasttrack.report.answers import answers, losses
from fasttrack.training.holdout import ask
from fasttrack.training.sensitivity import sensitivity

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fasttrack.contract.schema import Contract
    from fasttrack.report.answers import Answers
    from fasttrack.training.holdout import HoldOut

    Floats = NDArray[np.float64]
    Shuffled = Callable[[int, NDArray[np.intp]], Answers]
    """A column, and the rows to take its cells from → the answers."""

__all__ = ["ColumnImportance", "Importance", "importance"]

MOST_COLUMNS = 40
"""So many are measured; of a wider model those that its answers move with most."""
_REPEATS = 5
_ROWS = 2000
_PREDICTIONS = 150_000
"""So many rows are predicted at most: a fixed bound, since one by the clock would not give the same report twice."""


@dataclass(frozen=True)
class ColumnImportance:
    """By how much the figure gets worse without what column `column` says, with its 95 % interval."""

    column: int
    worse: float
    low: float
    high: float


@dataclass(frozen=True)
class Importance:
    """The measured columns, most important first."""

    metric: str
    rows: int
    repeats: int
    columns: list[ColumnImportance]
    obstacle: str = ""
    """Why nothing was measured."""


def importance(
    pipeline: Any, contract: Contract, held: HoldOut, *, program: Program | None = None, seed: int = 0
) -> Importance:
    """Permutation importance (Breiman, Random Forests, 2001) by the primary figure, each column shuffled five times.

    At most 2,000 rows, spread evenly; the compiled `program` answers where there is one. The interval is that of 1,000
    bootstrap resamples of the rows, or of the clusters they form, the same for both sides of the difference.
    """
    metric = primary(contract.target.task, contract.target.probabilities).name
    columns = list(range(len(contract.columns)))
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            if len(columns) > MOST_COLUMNS:
                moved = sensitivity(pipeline, held.X, array=contract.input == "array", seed=seed)
                columns = sorted(columns, key=lambda j: -moved[j])[:MOST_COLUMNS]
            rows = min(len(held.X), _ROWS, _PREDICTIONS // (_REPEATS * len(columns)))
            some = _some(held, np.linspace(0, len(held.X) - 1, rows).astype(int))
            often = _some(some, np.tile(np.arange(rows), _REPEATS))
            shuffled = (
                _by_pipeline(pipeline, contract, often) if program is None else _by_program(program, contract, often)
            )
            return Importance(metric, rows, _REPEATS, _measured(contract, some, shuffled, columns, metric, seed))
    except Exception as error:  # noqa: BLE001  # the pipeline is the user's: mixed rows may be more than it takes
        said = f"the pipeline does not take rows with shuffled cells: {in_a_line(error)}"
        return Importance(metric, 0, _REPEATS, [], said)


def _measured(
    contract: Contract, some: HoldOut, shuffled: Shuffled, columns: list[int], metric: str, seed: int
) -> list[ColumnImportance]:
    random = np.random.default_rng(seed)
    rows = len(some.X)
    before = losses(answers(contract.target, some))
    drawn = resampled(random, RESAMPLES, rows, some.clusters and some.clusters.enough)
    weights = np.vstack([np.ones(rows), drawn])  # the first is the rows as they are
    weights /= weights.sum(axis=1, keepdims=True)
    found = []
    for j in columns:
        order = np.concatenate([random.permutation(rows) for _ in range(_REPEATS)])
        after = losses(shuffled(j, order)).reshape(_REPEATS, rows).mean(axis=0)
        worse = _figure(metric, weights @ after) - _figure(metric, weights @ before)
        low, high = np.percentile(worse[1:], [2.5, 97.5])
        found.append(ColumnImportance(j, float(worse[0]), float(low), float(high)))
    return sorted(found, key=lambda one: (-one.worse, one.column))


def _by_pipeline(pipeline: Any, contract: Contract, rows: HoldOut) -> Shuffled:
    def answered(column: int, order: NDArray[np.intp]) -> Answers:
        X = rows.X.copy(deep=False)
        X.isetitem(column, rows.X.iloc[order, column].reset_index(drop=True))
        return answers(contract.target, ask(pipeline, contract, X, rows.y))

    return answered


def _by_program(program: Program, contract: Contract, rows: HoldOut) -> Shuffled:
    session, matrix = open_session(program), matrix_from_frame(contract, rows.X)
    true = answers(contract.target, rows)

    def answered(column: int, order: NDArray[np.intp]) -> Answers:
        moved = matrix.copy()
        moved[:, column] = matrix[order, column]
        found = run(session, moved)
        shares = None if true.shares is None else found["probabilities"].astype(np.float64)
        return dataclasses.replace(true, guess=found["prediction"], shares=shares)

    return answered


def _figure(metric: str, mean: Floats) -> Floats:
    """The figure from the mean loss; of the accuracy, which is lost, the share of wrong labels."""
    found: Floats = np.sqrt(mean) if metric == "rmse" else mean
    return found


def _some(held: HoldOut, rows: NDArray[Any]) -> HoldOut:
    together = held.clusters
    if together is not None:  # of small ones no row may be among them
        codes = np.unique(together.codes[rows], return_inverse=True)[1]
        together = dataclasses.replace(together, codes=codes)
    return dataclasses.replace(
        held,
        clusters=together,
        X=held.X.iloc[rows].reset_index(drop=True),
        y=held.y.iloc[rows].reset_index(drop=True),
        prediction=held.prediction[rows],
        probabilities=None if held.probabilities is None else held.probabilities[rows],
    )
