"""The choice of a family by cross-validation on the training rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fasttrack.errors import TrainingError, in_a_line
from fasttrack.progress import report_step
from fasttrack.training.cross_validation import CHOOSE, CrossValidation, Measured, plan, rank
from fasttrack.training.recipes import Recipe, default_recipes

if TYPE_CHECKING:
    from typing import Literal

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from fasttrack.contract.leaderboard import Leaderboard
    from fasttrack.contract.schema import Column, Task

__all__ = ["Choice", "choose", "measure_defaults"]

_NEGLIGIBLE = 0.005
"""A relative difference in the loss for which no simpler family is given up."""


@dataclass(frozen=True)
class Choice:
    """What was chosen, by its name; unfitted; and how every candidate did."""

    name: str
    estimator: Any
    leaderboard: Leaderboard


def choose(
    columns: Sequence[Column],
    task: Task,
    X: pd.DataFrame,
    y: NDArray[Any],
    *,
    method: Literal["random", "group", "time"] = "random",
    by: NDArray[Any] | None = None,
    weights: NDArray[np.float64] | None = None,
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> Choice:
    """Choose a family by the primary metric, cross-validated as `plan` does it.

    The one with the lowest mean loss is chosen, or a simpler one (linear before polynomial before forest before
    boosting) that is within half a percent of it. Raises TrainingError when the rows cannot be split, or a family
    cannot be fitted.
    """
    data = plan(task, X, y, method=method, by=by, weights=weights, seed=seed, clock=clock)
    recipes = default_recipes(columns, len(data.X))
    measured = measure_defaults(data, recipes, columns, seed)
    chosen, rule = _simplest_of_the_best(measured)
    recipe = next(recipe for recipe in recipes if recipe.name == chosen)
    estimator = recipe.make(columns, task, len(X), seed)
    return Choice(chosen, estimator, rank(data, measured, {chosen: 1.0}, rule))


def measure_defaults(
    data: CrossValidation, recipes: Sequence[Recipe], columns: Sequence[Column], seed: int
) -> list[Measured]:
    """Each recipe on the folds. Products that overflow are left out; for another family TrainingError is raised."""
    measured = []
    for number, recipe in enumerate(recipes, start=1):
        report_step(f"comparing {recipe.name}, {number} of {len(recipes)}")
        try:
            measured.append(data.measure(recipe.name, recipe.make(columns, data.task, len(data.X), seed)))
        except Exception as error:
            if recipe.family == "polynomial":
                continue
            raise TrainingError(
                f"{recipe.name} cannot be fitted on these columns: {in_a_line(error)}; {CHOOSE}, or --ignore the column"
            ) from error
    return measured


def _simplest_of_the_best(measured: Sequence[Measured]) -> tuple[str, str]:
    """The name of the chosen candidate, and why. `measured` begins with the simplest."""
    best = min(measured, key=lambda candidate: candidate.loss)
    for candidate in measured:
        if candidate is best:
            break
        if candidate.loss - best.loss <= _NEGLIGIBLE * abs(best.loss):
            return candidate.name, f"{candidate.name} is within {_NEGLIGIBLE:.1%} of {best.name}, and simpler"
    return best.name, f"{best.name} has the lowest loss"
