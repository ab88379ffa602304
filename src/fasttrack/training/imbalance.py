"""Classes that are not equally frequent: the positive one, the rare ones, and how models are compared then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.contract.openapi import label_key
from fasttrack.errors import TrainingError
from fasttrack.evaluation import PrimaryMetric, is_rare, primary_metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from fasttrack.config import ModelConfig
    from fasttrack.contract.finding import FindingCode
    from fasttrack.contract.schema import Label, Task
    from fasttrack.training.validation import Fold

__all__ = ["ClassBalance", "class_balance"]


@dataclass(frozen=True)
class ClassBalance:
    """The classes of the training rows. `rare`: the rare classes with their numbers of rows, the rarest first."""

    task: Task
    rows: int
    rare: dict[Label, int]
    positive: Label | None
    """The positive class of two, for the threshold, F1 and average precision; `None`: the second."""
    imbalanced: bool
    """Whether models are compared by a metric for imbalanced classes."""
    weighted: bool = False
    """Whether a built-in estimator weighs the classes, so that all count the same."""

    def fit_weights(self, y: pd.Series[Any], weights: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
        """The weights [n] for fitting on rows with the targets `y` [n] and weights of their own.

        With weighted classes, every class has the same sum of weights, and the total is unchanged, as with
        scikit-learn's `balanced`.
        """
        if not self.weighted:
            return weights
        own = np.ones(len(y)) if weights is None else weights
        codes = np.unique(y.to_numpy(), return_inverse=True)[1]
        sums = np.bincount(codes, own)
        factors: NDArray[np.float64] = own.sum() / (len(sums) * np.where(sums > 0, sums, 1))
        return own * factors[codes]

    def metric(self, y: NDArray[Any], folds: Sequence[Fold], *, probabilities: bool) -> PrimaryMetric:
        """The metric by which estimators are compared on these folds of rows with the targets `y` [n].

        Without a positive row average precision is undefined, so each fold needs one.
        """
        measurable = self.task != "binary" or all((y[fold.test] == self.positive).any() for fold in folds)
        return primary_metric(self.task, probabilities, imbalanced=self.imbalanced and measurable)


def class_balance(y: pd.Series[Any], task: Task, config: ModelConfig, skip: Sequence[FindingCode] = ()) -> ClassBalance:
    """The balance of the classes in the training rows' targets `y` [n].

    `skip`: what is not looked for; without FT110 no class counts as rare. Raises TrainingError as far as `config`
    cannot be used for this target.
    """
    if task == "regression":
        for option, is_used in (
            ("threshold", _has_threshold(config)),
            ("class_weight", config.class_weight != "none"),
            ("positive", config.positive is not None),
        ):
            if is_used:
                raise TrainingError(f"model.{option} is for classes, but the task is regression; leave it out")
        return ClassBalance(task, len(y), {}, None, False)
    labels, counts = np.unique(y.to_numpy(), return_counts=True)
    by_label: dict[Label, int] = dict(zip(labels.tolist(), counts.tolist(), strict=True))
    by_number = sorted(by_label.items(), key=lambda item: item[1])
    rare = {label: n for label, n in by_number if is_rare(n, len(y), len(by_label)) and "FT110" not in skip}
    positive = _positive(config, task, by_label, rare)
    weighted = config.class_weight == "balanced"
    if weighted and positive is None and task == "binary":
        positive = list(by_label)[1]
    # of several classes one is often rare, and log loss compares models of all of them better
    imbalanced = weighted or (task == "binary" and positive is not None and positive in rare)
    return ClassBalance(task, len(y), rare, positive, imbalanced, weighted)


def _positive(config: ModelConfig, task: Task, counts: dict[Label, int], rare: dict[Label, int]) -> Label | None:
    if task != "binary":
        if config.positive is not None or _has_threshold(config):
            option = "threshold" if config.positive is None else "positive"
            raise TrainingError(f"model.{option} is for two classes, but the target has {len(counts)}; leave it out")
        return None
    if config.positive is not None:
        # on the command line every label is text
        wanted = config.positive
        named = [label for label in counts if label == wanted or label_key(label) == label_key(wanted)]
        if not named:
            listed = " and ".join(map(repr, counts))
            raise TrainingError(f"model.positive = {config.positive!r} is not a class; the classes are {listed}")
        return named[0]
    if rare:
        return next(iter(rare))
    return list(counts)[1] if _has_threshold(config) else None


def _has_threshold(config: ModelConfig) -> bool:
    """Whether a threshold is configured for any target, rare or not."""
    return config.threshold not in ("auto", "none") or config.cost_false_positive is not None


def with_class_weight(pipeline: Any, balance: ClassBalance | None) -> Any:
    """The unfitted built-in `pipeline`, with weights of the classes if so configured.

    Raises TrainingError where its estimator takes none.
    """
    if balance is None or not balance.weighted:
        return pipeline
    if "model__class_weight" not in pipeline.get_params():
        raise TrainingError(
            f"{type(pipeline.steps[-1][1]).__name__} takes no class weights; choose another --estimator, or leave "
            "--class-weight out"
        )
    return pipeline.set_params(model__class_weight="balanced")
