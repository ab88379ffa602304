"""The choice of an ensemble: candidates are measured until the time is over, and the best mixture of them is fitted.

The mixture is built greedily, with replacement, on predictions for rows that were not fitted on (Caruana et al.,
Ensemble Selection from Libraries of Models, ICML 2004).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import VotingClassifier, VotingRegressor

from fasttrack.progress import report_step
from fasttrack.training.choose import Choice, measure_defaults
from fasttrack.training.cross_validation import CrossValidation, Measured, plan, rank
from fasttrack.training.recipes import Recipe, default_recipes, variants

if TYPE_CHECKING:
    from typing import Literal

    import pandas as pd
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Column, Task

    Floats = NDArray[np.float64]
    Loss = Callable[[Floats], float]

__all__ = ["choose_ensemble", "loss_of", "mix", "select_greedily"]

_ROUNDS = 50
_MOST_MEMBERS = 8
"""So many different candidates at most, to keep the model small."""
_ENTRY = 1.3
"""A candidate whose loss is more than so many times the best one's is not mixed in."""


def choose_ensemble(
    columns: Sequence[Column],
    task: Task,
    X: pd.DataFrame,
    y: NDArray[Any],
    *,
    seconds: float,
    method: Literal["random", "group", "time"] = "random",
    by: NDArray[Any] | None = None,
    weights: Floats | None = None,
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> Choice:
    """Choose a mixture of families and variants of them, cross-validated as `plan` does it, within `seconds`.

    The families with their defaults are always measured. A variant is not started if it, and fitting the best ones on
    all rows afterwards, would probably exceed the time. A variant that cannot be fitted is left out. Raises
    TrainingError when the rows cannot be split, or a family cannot be fitted.
    """
    started = clock()
    data = plan(task, X, y, method=method, by=by, weights=weights, seed=seed, clock=clock)
    recipes = default_recipes(columns, len(data.X))
    measured = measure_defaults(data, recipes, columns, seed)
    by_name = {recipe.name: recipe for recipe in recipes}
    budget = _Budget(seconds, started, clock, len(X) / len(data.X))
    for candidate in measured:
        budget.record(by_name[candidate.name].family, candidate)
    for recipe in variants(columns, task, data.y, seed):
        if budget.left <= 0:
            break
        if recipe.name in by_name or not budget.allows(recipe.family):
            continue
        report_step(f"trying {recipe.name}, {budget.left:.0f} s left")
        try:
            candidate = data.measure(recipe.name, recipe.make(columns, task, len(data.X), seed))
        except Exception:  # noqa: BLE001  # a variant that does not suit the table is no loss
            budget.record(recipe.family, None)
            continue
        by_name[recipe.name] = recipe
        measured.append(candidate)
        budget.record(recipe.family, candidate)
    counts = _weigh(data, measured)
    members = [(by_name[name], count) for name, count in counts.items()]
    total = sum(counts.values())
    shares = {name: count / total for name, count in counts.items()}
    count = len(members)
    rule = f"the mixture of {count} with the lowest loss, of {len(measured)} candidates" if count > 1 else ""
    board = rank(
        data, measured, shares, rule or f"{members[0][0].name} has the lowest loss, and no mixture has a lower one"
    )
    if count == 1:
        return Choice(members[0][0].name, members[0][0].make(columns, task, len(X), seed), board)
    return Choice(f"ensemble of {count}", mix(members, columns, task, len(X), seed), board)


def select_greedily(
    outputs: Sequence[Floats], loss: Loss, *, rounds: int = _ROUNDS, most: int = _MOST_MEMBERS
) -> list[int]:
    """How often each of `outputs` [n] or [n, c] is in the mixture whose mean has the least `loss`.

    Each round adds the output that gives the least loss, also one that is in the mixture already. The best mixture of
    all rounds is taken. At most `most` of them are different.
    """
    counts = [0] * len(outputs)
    total = np.zeros_like(outputs[0])
    least, best = np.inf, list(counts)
    for size in range(1, rounds + 1):
        full = sum(count > 0 for count in counts) >= most
        eligible = [k for k in range(len(outputs)) if counts[k] or not full]
        losses = [loss((total + outputs[k]) / size) for k in eligible]
        added = int(np.argmin(losses))
        total = total + outputs[eligible[added]]
        counts[eligible[added]] += 1
        if losses[added] < least:
            least, best = losses[added], list(counts)
    return best


def loss_of(data: CrossValidation) -> Loss:
    """The primary metric of an output for the measured rows, as `evaluation` computes it."""
    weights = data.tested_weights
    if data.task == "regression":
        truth = np.asarray(data.truth, dtype=np.float64)
        return lambda output: float(np.sqrt(np.average((output - truth) ** 2, weights=weights)))
    codes = np.searchsorted(np.asarray(data.classes), data.truth)
    rows, eps = np.arange(len(codes)), np.finfo(np.float64).eps

    def log_loss(output: Floats) -> float:
        clipped = np.clip(output, eps, 1 - eps)
        return float(-np.average(np.log(clipped[rows, codes] / clipped.sum(axis=1)), weights=weights))

    return log_loss


class _Budget:
    """The seconds that are left since `started`, and how long each family took.

    `growth`: how many times more rows the last fit has than the cross-validation.
    """

    def __init__(self, seconds: float, started: float, clock: Callable[[], float], growth: float) -> None:
        self._end = started + seconds
        self._clock = clock
        self._growth = growth
        self._last = started
        self._longest: dict[str, float] = {}
        self._fits: list[tuple[float, float]] = []
        """The loss of each candidate, and the expected seconds of its fit on all rows."""

    @property
    def left(self) -> float:
        return self._end - self._clock()

    def record(self, family: str, candidate: Measured | None) -> None:
        """A candidate was measured, or failed."""
        now = self._clock()
        seconds = now - self._last if candidate is None else candidate.seconds
        self._last = now
        self._longest[family] = max(seconds, self._longest.get(family, 0.0))
        if candidate is not None:
            # each of k folds fits (k - 1) / k of the rows
            share = 1 / max(len(candidate.losses) - 1, 1)
            self._fits.append((candidate.loss, seconds * share * self._growth))

    def allows(self, family: str) -> bool:
        """Whether another candidate of the family can be measured, and the best ones be fitted, in the time left."""
        expected = self._longest.get(family, max(self._longest.values(), default=0.0))
        fits = sum(seconds for _, seconds in sorted(self._fits)[:_MOST_MEMBERS])
        return expected + fits <= self.left


def _weigh(data: CrossValidation, measured: Sequence[Measured]) -> dict[str, int]:
    """By the names of the chosen candidates, how often each is in the mixture; the best ones come first."""
    ordered = sorted(measured, key=lambda candidate: candidate.loss)
    worthy = [candidate for candidate in ordered if candidate.loss <= _ENTRY * ordered[0].loss]
    counts = select_greedily([candidate.output for candidate in worthy], loss_of(data))
    return {candidate.name: count for candidate, count in zip(worthy, counts, strict=True) if count}


def mix(
    members: Sequence[tuple[Recipe, int]], columns: Sequence[Column], task: Task, rows: int, seed: int
) -> VotingClassifier | VotingRegressor:
    """The unfitted mixture: the weighted mean of the members' predictions, or of their probabilities."""
    named = [
        (f"{recipe.family}_{number}", recipe.make(columns, task, rows, seed))
        for number, (recipe, _) in enumerate(members, start=1)
    ]
    weights = [weight for _, weight in members]
    if task == "regression":
        return VotingRegressor(named, weights=weights)
    return VotingClassifier(named, voting="soft", weights=weights)
