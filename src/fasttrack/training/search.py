"""Looking for better hyperparameters: each trial is recorded, the defaults are the first, the time budget is kept.

Optuna's tree-structured Parzen estimator proposes (Bergstra et al., Algorithms for Hyper-Parameter Optimization, 2011),
successive halving gives up after a fold what is not worth the others (Li et al., A System for Massively Parallel
Hyperparameter Tuning, 2020).
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
from sklearn.base import clone

from fasttrack.config import Domain, Range, Setting
from fasttrack.errors import ConfigError, TrainingError, in_a_line
from fasttrack.evaluation import primary
from fasttrack.training.validation import measure

if TYPE_CHECKING:
    from collections.abc import Iterator

    import optuna
    import pandas as pd
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Task
    from fasttrack.evaluation import PrimaryMetric
    from fasttrack.training.validation import Fold, Validation

__all__ = ["Candidate", "Searched", "Trial", "needs_optuna", "search"]

Tell = Callable[[str], None]
State = Literal["complete", "pruned", "failed", "stopped"]

_HOPELESS = 20
"""Trials that fail one after the other from the first on, after which no other is tried."""
_IN_VAIN = 30
"""Proposals in a row that were tried before or would not fit into the time left, after which the search ends."""


class Trial(msgspec.Struct, frozen=True):
    """One try. `params` are what was set, among several candidates with `estimator`: which; the first sets nothing."""

    number: int
    params: dict[str, Setting]
    score: float | None
    """The primary metric on the validation rows of the training part, of a complete trial."""
    seconds: float
    state: State
    """`pruned`: given up early as worse than others; `stopped`: the time was over; `failed`: for `reason`."""
    reason: str = ""


class Searched(msgspec.Struct, frozen=True):
    """What a search found: the best complete trial, and all of them in their order."""

    estimator: str
    """The name of the best candidate."""
    best_params: dict[str, Setting]
    """To be set on it; empty when its defaults were best."""
    score: float
    default_score: float | None
    """Of the first trial, the defaults; `None` when it failed."""
    metric: str
    validation: str
    trials: list[Trial]


@dataclass(frozen=True)
class Candidate:
    """An unfitted estimator and where its parameters are looked for."""

    name: str
    estimator: Any
    space: Mapping[str, Domain]


def needs_optuna() -> None:
    """Raise ConfigError when Optuna is not there."""
    try:
        import optuna  # noqa: F401
    except ImportError:
        raise ConfigError("a search needs Optuna: pip install 'fasttrack-mlops[search]'") from None


def search(
    candidates: Sequence[Candidate],
    task: Task,
    X: pd.DataFrame,
    y: NDArray[Any],
    validation: Validation,
    *,
    trials: int | None,
    seconds: float | None,
    seed: int = 0,
    tell: Tell = lambda step: None,
) -> Searched:
    """Try `candidates` on the training part `X` [n, f], `y` [n] until `trials` are made or `seconds` are over.

    The first trial is the first candidate's default, whatever the budget; then come the others' defaults, then what
    is proposed. `seconds` cover the trials, from the first on: a fit that runs is not cut short, but none begins that
    would not end in time if it took as long as the longest of its kind so far. The same rows, seed and number of
    trials give the same result. A space of choices ends when all were tried. Raises TrainingError when every trial
    failed, ConfigError without Optuna.
    """
    needs_optuna()
    metric = primary(task, hasattr(candidates[0].estimator, "predict_proba"))
    run = _Run(candidates, task, metric, X, y, validation)
    clock = _Clock(seconds)
    with _quiet() as optuna:
        study = optuna.create_study(
            direction="maximize" if metric.greater_is_better else "minimize",
            sampler=optuna.samplers.TPESampler(seed=seed),
            pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
        )
        # a default outside of its space cannot be told to the sampler: such a trial proposes nothing
        for candidate in candidates:
            study.enqueue_trial(_default(candidate, len(candidates) > 1) or {})
        found: list[Trial] = []
        tried: set[Any] = set()
        while (trials is None or len(found) < trials) and not _hopeless(found):
            best = _best(found, metric)
            tell(_progress(len(found), trials, metric, best, clock))
            asked = _ask(study, candidates, run, clock, tried, first=not found)
            if asked is None:
                break
            found.append(run.trial(len(found), study, *asked, clock))
    best = _best(found, metric)
    if best is None:
        failed = [one for one in found if one.state == "failed"]
        raise TrainingError(f"all {len(failed)} trials of the search failed; the first: {failed[0].reason}")
    chosen = best.params.get("estimator") if len(candidates) > 1 else None
    return Searched(
        estimator=str(chosen or candidates[0].name),
        best_params={key: value for key, value in best.params.items() if len(candidates) == 1 or key != "estimator"},
        score=float(best.score or 0.0),
        default_score=found[0].score,
        metric=metric.name,
        validation=validation.note,
        trials=found,
    )


class _Clock:
    """The budget, from now on; and how long fits took by candidate and step."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._since = time.perf_counter()
        self._longest: dict[tuple[str, int], float] = {}

    @property
    def left(self) -> float | None:
        return None if self._seconds is None else self._seconds - (time.perf_counter() - self._since)

    def took(self, name: str, step: int, seconds: float) -> None:
        self._longest[name, step] = max(seconds, self._longest.get((name, step), 0.0))

    def expected(self, name: str, folds: list[Fold], step: int) -> float:
        """The longest of its kind so far; else of an earlier fold, by its rows; else of another candidate; else 0."""
        if (name, step) in self._longest:
            return self._longest[name, step]
        for lower in range(step - 1, -1, -1):
            if (name, lower) in self._longest:
                return self._longest[name, lower] * len(folds[step].train) / len(folds[lower].train)
        return max((took for (_, at), took in self._longest.items() if at == step), default=0.0)

    def fits(self, name: str, folds: list[Fold], steps: Sequence[int]) -> bool:
        left = self.left
        return left is None or sum(self.expected(name, folds, step) for step in steps) <= left


@dataclass(frozen=True)
class _Run:
    """Fits and measures."""

    candidates: Sequence[Candidate]
    task: Task
    metric: PrimaryMetric
    X: pd.DataFrame
    y: NDArray[Any]
    validation: Validation

    def trial(
        self,
        number: int,
        study: optuna.Study,
        asked: optuna.Trial,
        candidate: Candidate,
        params: dict[str, Setting],
        clock: _Clock,
    ) -> Trial:
        import optuna

        states = optuna.trial.TrialState
        since = time.perf_counter()
        told = {"estimator": candidate.name, **params} if len(self.candidates) > 1 else params
        scores: list[float] = []
        score: float | None = None
        state: State = "complete"
        reason = ""
        folds = self.validation.folds
        for step, fold in enumerate(folds):
            if number > 0 and not clock.fits(candidate.name, folds, [step]):
                state = "stopped"
                break
            begun = time.perf_counter()
            try:
                scores.append(self._score(candidate.estimator, params, fold))
            except Exception as error:  # noqa: BLE001  # estimators and their parameters are the user's: any may raise
                state, reason = "failed", in_a_line(error)
                break
            finally:
                clock.took(candidate.name, step, time.perf_counter() - begun)
            score = float(np.mean(scores))
            asked.report(score, step + 1)
            # asked in any case: the pruner compares with those that it was asked about
            if asked.should_prune() and number > 0 and step + 1 < len(folds):
                state = "pruned"
                break
        if state == "complete":
            study.tell(asked, score)
        else:
            study.tell(asked, state=states.FAIL if state == "failed" else states.PRUNED)
        took = time.perf_counter() - since
        return Trial(number, told, score if state == "complete" else None, round(took, 3), state, reason)

    def _score(self, estimator: Any, params: dict[str, Setting], fold: Fold) -> float:
        """The primary metric. Raises whatever fitting raises, and ValueError for a figure that is no number."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            proposed = clone(estimator).set_params(**params)
        return measure(proposed, self.X, self.y, fold, self.task, self.metric.name)


def _ask(
    study: optuna.Study, candidates: Sequence[Candidate], run: _Run, clock: _Clock, tried: set[Any], *, first: bool
) -> tuple[optuna.Trial, Candidate, dict[str, Setting]] | None:
    """The next proposal that can be carried through in the time left; none when there seems to be none."""
    import optuna

    for _ in range(_IN_VAIN):
        asked = study.ask()
        params: dict[str, Setting] = {}
        if asked.number < len(candidates):
            candidate = candidates[asked.number]
            proposed = _suggest(asked, candidates)[1] if _default(candidate, len(candidates) > 1) is not None else {}
        else:
            candidate, params = _suggest(asked, candidates)
            proposed = params
        one = (candidate.name, *sorted(proposed.items()))
        if one not in tried and (
            first or clock.fits(candidate.name, run.validation.folds, range(len(run.validation.folds)))
        ):
            tried.add(one)
            return asked, candidate, params
        study.tell(asked, state=optuna.trial.TrialState.PRUNED)
    return None


def _suggest(asked: optuna.Trial, candidates: Sequence[Candidate]) -> tuple[Candidate, dict[str, Setting]]:
    candidate = candidates[0]
    if len(candidates) > 1:
        by_name = {one.name: one for one in candidates}
        candidate = by_name[asked.suggest_categorical("estimator", list(by_name))]
    found: dict[str, Setting] = {}
    for key, domain in candidate.space.items():
        name = f"{candidate.name}:{key}"
        if not isinstance(domain, Range):
            found[key] = asked.suggest_categorical(name, domain)
        elif domain.whole:
            found[key] = asked.suggest_int(name, int(domain.low), int(domain.high), log=domain.log)
        else:
            found[key] = asked.suggest_float(name, domain.low, domain.high, log=domain.log)
    return candidate, found


def _default(candidate: Candidate, several: bool) -> dict[str, Setting] | None:
    """The candidate's own values as a proposal; `None` where one lies outside of its space."""
    there = candidate.estimator.get_params(deep=True)
    found: dict[str, Setting] = {"estimator": candidate.name} if several else {}
    for key, domain in candidate.space.items():
        value = there[key]
        # 1 is 1.0, but True is not 1
        held = (
            value in domain if isinstance(domain, Range) else any(value == x and type(value) is type(x) for x in domain)
        )
        if not held:
            return None
        found[f"{candidate.name}:{key}"] = value
    return found


def _best(found: list[Trial], metric: PrimaryMetric) -> Trial | None:
    """The first of the best: what ties with the defaults is no better."""
    sign = -1.0 if metric.greater_is_better else 1.0
    return min(
        (one for one in found if one.score is not None), key=lambda one: sign * float(one.score or 0.0), default=None
    )


def _hopeless(found: list[Trial]) -> bool:
    return len(found) >= _HOPELESS and all(one.state == "failed" for one in found)


def _progress(done: int, trials: int | None, metric: PrimaryMetric, best: Trial | None, clock: _Clock) -> str:
    parts = [f"trial {done + 1}" + (f" of {trials}" if trials is not None else "")]
    if best is not None and best.score is not None:
        parts.append(f"best {metric.name} {best.score:.6g}")
    if clock.left is not None:
        parts.append(f"{max(clock.left, 0):.0f} s left")
    return ", ".join(parts)


@contextlib.contextmanager
def _quiet() -> Iterator[Any]:
    """Optuna without its log and its notes on what is experimental."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield optuna
    finally:
        optuna.logging.set_verbosity(before)
