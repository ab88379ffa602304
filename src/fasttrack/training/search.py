"""A search for better hyperparameters: every trial is recorded, the defaults are the first, the time budget is kept.

Optuna's tree-structured Parzen estimator proposes values (Bergstra et al., Algorithms for Hyper-Parameter Optimization,
2011); successive halving stops a trial after a fold if it is worse than others (Li et al., A System for Massively
Parallel Hyperparameter Tuning, 2020).
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
from sklearn.base import clone

from fasttrack.config import Domain, HyperparameterValue, Range, SearchConfig
from fasttrack.errors import ConfigError, TrainingError, in_a_line
from fasttrack.evaluation import primary_metric
from fasttrack.progress import report_step
from fasttrack.training.validation import measure

if TYPE_CHECKING:
    from collections.abc import Iterator

    import optuna
    import pandas as pd
    from numpy.typing import NDArray

    from fasttrack.contract.schema import Task
    from fasttrack.evaluation import PrimaryMetric
    from fasttrack.training.imbalance import ClassBalance
    from fasttrack.training.validation import Fold, Validation

__all__ = ["Candidate", "SearchResult", "Trial", "needs_optuna", "search"]

Parameters = dict[str, HyperparameterValue]
State = Literal["complete", "pruned", "failed", "stopped"]

_MOST_FAILURES = 20
"""The search ends when this many trials have failed and none has succeeded."""
_MOST_PROPOSALS = 30
"""The search ends when this many proposals in a row were tried before, or would take longer than the time left."""


class Trial(msgspec.Struct, frozen=True):
    """One trial. `params` are the values that were set, and among several candidates which `estimator` it was.

    The first trial sets nothing.
    """

    number: int
    params: Parameters
    score: float | None
    """The primary metric on the validation rows of the training part; `None` unless the trial is complete."""
    seconds: float
    state: State
    """`pruned`: stopped early because others are better; `stopped`: out of time; `failed`: see `reason`."""
    reason: str = ""


class SearchResult(msgspec.Struct, frozen=True):
    """The best complete trial, and all trials in their order."""

    estimator: str
    """The name of the best candidate."""
    best_params: Parameters
    """To be set on the candidate; empty if its defaults were best."""
    score: float
    default_score: float | None
    """Score of the first trial, which has the defaults; `None` if it failed."""
    metric: str
    validation: str
    trials: list[Trial]


@dataclass(frozen=True)
class Candidate:
    """An unfitted estimator, and where its hyperparameters are searched."""

    name: str
    estimator: Any
    space: Mapping[str, Domain]


def needs_optuna() -> None:
    """Raise ConfigError if Optuna is not installed."""
    try:
        import optuna  # noqa: F401
    except ImportError:
        raise ConfigError("a search needs Optuna: pip install 'fasttrack-mlops[search]'") from None


def search(  # eight arguments: what to try, on which rows, and for how long
    candidates: Sequence[Candidate],
    task: Task,
    X: pd.DataFrame,
    y: NDArray[Any],
    validation: Validation,
    budget: SearchConfig,
    seed: int = 0,
    *,
    weights: NDArray[np.float64] | None = None,
    balance: ClassBalance | None = None,
) -> SearchResult:
    """Try the candidates on the training part `X` [n, f], `y` [n], within the trials and seconds of `budget`.

    The first trial is the first candidate's default, whatever the budget; then come the others' defaults, then
    proposals. The seconds count from the start of the first trial: a fit that runs is not interrupted, but none starts
    that would not end in time if it took as long as the longest of its kind so far. The same rows, seed and number of
    trials give the same result. A space of choices ends when all were tried. Raises TrainingError if every trial
    failed, ConfigError without Optuna.
    """
    needs_optuna()
    probabilities = hasattr(candidates[0].estimator, "predict_proba")
    metric = primary_metric(task, probabilities)
    if balance is not None:
        metric = balance.metric(y, validation.folds, probabilities=probabilities)
    positive = None if balance is None else balance.positive
    runner = _Runner(candidates, task, metric, positive, X, y, weights, validation, _Clock(budget.seconds))
    trials: list[Trial] = []
    with _quiet() as optuna:
        study = optuna.create_study(
            direction="maximize" if metric.greater_is_better else "minimize",
            sampler=optuna.samplers.TPESampler(seed=seed),
            pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
        )
        # a default outside its space cannot be given to the sampler: such a trial proposes nothing
        for candidate in candidates:
            study.enqueue_trial(_default(candidate, len(candidates) > 1) or {})
        tried: set[Any] = set()
        while (budget.trials is None or len(trials) < budget.trials) and not _all_fail(trials):
            report_step(_progress(trials, budget, metric, runner.clock))
            proposal = _propose(study, runner, tried, first=not trials)
            if proposal is None:
                break
            trials.append(runner.run(len(trials), study, *proposal))
    best = _best(trials, metric)
    if best is None:
        failed = [trial for trial in trials if trial.state == "failed"]
        raise TrainingError(f"all {len(failed)} trials of the search failed; the first: {failed[0].reason}")
    chosen = best.params.get("estimator") if len(candidates) > 1 else None
    return SearchResult(
        estimator=str(chosen or candidates[0].name),
        best_params={key: value for key, value in best.params.items() if len(candidates) == 1 or key != "estimator"},
        score=float(best.score or 0.0),
        default_score=trials[0].score,
        metric=metric.name,
        validation=validation.note,
        trials=trials,
    )


class _Clock:
    """The time budget, which starts now, and how long fits took by candidate and fold."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._start = time.perf_counter()
        self._longest: dict[tuple[str, int], float] = {}

    @property
    def left(self) -> float | None:
        """Seconds; `None` without a budget."""
        return None if self._seconds is None else self._seconds - (time.perf_counter() - self._start)

    def record(self, name: str, step: int, seconds: float) -> None:
        self._longest[name, step] = max(seconds, self._longest.get((name, step), 0.0))

    def expected(self, name: str, folds: list[Fold], step: int) -> float:
        """Seconds: its longest so far; else an earlier fold's, scaled by the rows; else another candidate's; else 0."""
        if (name, step) in self._longest:
            return self._longest[name, step]
        for lower in range(step - 1, -1, -1):
            if (name, lower) in self._longest:
                return self._longest[name, lower] * len(folds[step].train) / len(folds[lower].train)
        return max((seconds for (_, at), seconds in self._longest.items() if at == step), default=0.0)

    def allows(self, name: str, folds: list[Fold], steps: Sequence[int]) -> bool:
        left = self.left
        return left is None or sum(self.expected(name, folds, step) for step in steps) <= left


@dataclass(frozen=True)
class _Runner:
    """Fits and measures proposals."""

    candidates: Sequence[Candidate]
    task: Task
    metric: PrimaryMetric
    positive: Any
    X: pd.DataFrame
    y: NDArray[Any]
    weights: NDArray[np.float64] | None
    validation: Validation
    clock: _Clock

    def run(
        self, number: int, study: optuna.Study, proposal: optuna.Trial, candidate: Candidate, params: Parameters
    ) -> Trial:
        import optuna

        states = optuna.trial.TrialState
        start = time.perf_counter()
        scores: list[float] = []
        score: float | None = None
        state: State = "complete"
        reason = ""
        folds = self.validation.folds
        for step, fold in enumerate(folds):
            if number > 0 and not self.clock.allows(candidate.name, folds, [step]):
                state = "stopped"
                break
            fold_start = time.perf_counter()
            try:
                scores.append(self._score(candidate.estimator, params, fold))
            except Exception as error:  # noqa: BLE001  # estimators and their parameters are the user's: any may raise
                state, reason = "failed", in_a_line(error)
                break
            finally:
                self.clock.record(candidate.name, step, time.perf_counter() - fold_start)
            score = float(np.mean(scores))
            proposal.report(score, step + 1)
            # asked for every trial: the pruner compares only with trials that it was asked about
            if proposal.should_prune() and number > 0 and step + 1 < len(folds):
                state = "pruned"
                break
        if state == "complete":
            study.tell(proposal, score)
        else:
            study.tell(proposal, state=states.FAIL if state == "failed" else states.PRUNED)
        seconds = round(time.perf_counter() - start, 3)
        shown = {"estimator": candidate.name, **params} if len(self.candidates) > 1 else params
        return Trial(number, shown, score if state == "complete" else None, seconds, state, reason)

    def _score(self, estimator: Any, params: Parameters, fold: Fold) -> float:
        """The primary metric. Raises whatever fitting raises, and ValueError for a value that is not finite."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            configured = clone(estimator).set_params(**params)
        return measure(
            configured,
            self.X,
            self.y,
            fold,
            self.task,
            self.metric.name,
            weights=self.weights,
            positive=self.positive,
        )


def _propose(
    study: optuna.Study, runner: _Runner, tried: set[Any], *, first: bool
) -> tuple[optuna.Trial, Candidate, Parameters] | None:
    """The next proposal that was not tried before and fits into the time left; `None` when there seems to be none."""
    import optuna

    folds = runner.validation.folds
    for _ in range(_MOST_PROPOSALS):
        proposal = study.ask()
        candidate, params, values = _proposed_values(proposal, runner.candidates)
        key = (candidate.name, *sorted(values.items()))
        if key not in tried and (first or runner.clock.allows(candidate.name, folds, range(len(folds)))):
            tried.add(key)
            return proposal, candidate, params
        study.tell(proposal, state=optuna.trial.TrialState.PRUNED)
    return None


def _proposed_values(
    proposal: optuna.Trial, candidates: Sequence[Candidate]
) -> tuple[Candidate, Parameters, Parameters]:
    """The candidate, the parameters to set on it, and those that it has then: of a default, nothing is set."""
    if proposal.number >= len(candidates):
        candidate, params = _suggest(proposal, candidates)
        return candidate, params, params
    candidate = candidates[proposal.number]
    in_space = _default(candidate, len(candidates) > 1) is not None
    return candidate, {}, _suggest(proposal, candidates)[1] if in_space else {}


def _suggest(proposal: optuna.Trial, candidates: Sequence[Candidate]) -> tuple[Candidate, Parameters]:
    candidate = candidates[0]
    if len(candidates) > 1:
        by_name = {candidate.name: candidate for candidate in candidates}
        candidate = by_name[proposal.suggest_categorical("estimator", list(by_name))]
    params: Parameters = {}
    for key, domain in candidate.space.items():
        name = f"{candidate.name}:{key}"
        if not isinstance(domain, Range):
            params[key] = proposal.suggest_categorical(name, domain)
        elif domain.whole:
            params[key] = proposal.suggest_int(name, int(domain.low), int(domain.high), log=domain.log)
        else:
            params[key] = proposal.suggest_float(name, domain.low, domain.high, log=domain.log)
    return candidate, params


def _default(candidate: Candidate, several: bool) -> Parameters | None:
    """The candidate's own values as a proposal; `None` if one lies outside its space."""
    own_values = candidate.estimator.get_params(deep=True)
    proposal: Parameters = {"estimator": candidate.name} if several else {}
    for key, domain in candidate.space.items():
        value = own_values[key]
        # 1 is 1.0, but True is not 1
        inside = (
            value in domain if isinstance(domain, Range) else any(value == x and type(value) is type(x) for x in domain)
        )
        if not inside:
            return None
        proposal[f"{candidate.name}:{key}"] = value
    return proposal


def _best(trials: list[Trial], metric: PrimaryMetric) -> Trial | None:
    """The first of the best trials, so that what only equals the defaults does not replace them."""
    sign = -1.0 if metric.greater_is_better else 1.0
    complete = [trial for trial in trials if trial.score is not None]
    return min(complete, key=lambda trial: sign * float(trial.score or 0.0), default=None)


def _all_fail(trials: list[Trial]) -> bool:
    return len(trials) >= _MOST_FAILURES and all(trial.state == "failed" for trial in trials)


def _progress(trials: list[Trial], budget: SearchConfig, metric: PrimaryMetric, clock: _Clock) -> str:
    best = _best(trials, metric)
    parts = [f"trial {len(trials) + 1}" + (f" of {budget.trials}" if budget.trials is not None else "")]
    if best is not None and best.score is not None:
        parts.append(f"best {metric.name} {best.score:.6g}")
    if clock.left is not None:
        parts.append(f"{max(clock.left, 0):.0f} s left")
    return ", ".join(parts)


@contextlib.contextmanager
def _quiet() -> Iterator[Any]:
    """Optuna without its log and its warnings about experimental features."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield optuna
    finally:
        optuna.logging.set_verbosity(before)
