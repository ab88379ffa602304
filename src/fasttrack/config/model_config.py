"""What is trained: the estimator, the choice of it, and how classes are told apart."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import msgspec

from fasttrack.config.option import Option
from fasttrack.contract.schema import Task

__all__ = ["ModelConfig", "Seed"]

Seed = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
"""What NumPy and scikit-learn take as a seed."""
Probability = Annotated[float, msgspec.Meta(gt=0, lt=1)]
Cost = Annotated[float, msgspec.Meta(gt=0)]


class ModelConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is trained."""

    estimator: Annotated[
        str,
        Option(
            "Estimator: linear, polynomial, forest, boosting, auto (one of these four, by cross-validation), lightgbm, "
            "xgboost, or module:factory, a function that returns a scikit-learn estimator.",
            metavar="NAME",
            accepts=Any,
        ),
    ] = "auto"
    task: Annotated[
        Task | None,
        Option(
            "Task: regression, binary or multiclass.",
            metavar="TASK",
            default="from the values of the target",
            example='"regression"',
        ),
    ] = None
    seed: Annotated[Seed, Option("Seed of the estimator and of the search.", metavar="N")] = 0
    positive: Annotated[
        str | bool | int | float | None,
        Option(
            "The positive class of two, for the threshold, F1 and average precision.",
            metavar="LABEL",
            default="a rare class, else the second",
            example='"..."',
        ),
    ] = None
    threshold: Annotated[
        Literal["auto", "none", "f1", "cost"] | Probability,
        Option(
            "Probability from which on the positive class is predicted: a number; f1 or cost, which choose it on the "
            "training rows for the best F1 or the least cost; none, which predicts the more probable class; or auto, "
            "which is cost if costs are given, f1 for a rare class and a built-in estimator, else none.",
            metavar="RULE|NUMBER",
            expected="auto, none, f1, cost, or a number between 0 and 1",
        ),
    ] = "auto"
    cost_false_positive: Annotated[
        Cost | None,
        Option(
            "Cost of a row wrongly predicted as the positive class, for the threshold cost.",
            metavar="COST",
            example="1",
        ),
    ] = None
    cost_false_negative: Annotated[
        Cost | None,
        Option(
            "Cost of a row of the positive class that is missed, for the threshold cost.",
            metavar="COST",
            example="20",
        ),
    ] = None
    class_weight: Annotated[
        Literal["none", "balanced"],
        Option(
            "Weights of the classes for a built-in estimator: none; or balanced, which makes all classes count the "
            "same in fitting and shifts the probabilities accordingly.",
            metavar="RULE",
        ),
    ] = "none"
    quality: Annotated[
        Literal["fast", "best"],
        Option(
            "What auto chooses: fast, one family with its defaults; best, an ensemble of families and variants.",
            metavar="QUALITY",
        ),
    ] = "fast"
    quality_seconds: Annotated[
        float,
        msgspec.Meta(gt=0),
        Option(
            "Seconds to choose and fit, for quality best; no fit starts that would probably take longer.",
            metavar="SECONDS",
        ),
    ] = 60.0
    refit: Annotated[
        bool,
        Option("Fit again on all rows after the evaluation; the metrics stay those of the evaluated model."),
    ] = False
    instance: Any = None
    """An unfitted scikit-learn estimator that was given as an object; `estimator` is then the name of its class."""

    def __post_init__(self) -> None:
        costs = {"cost_false_positive": self.cost_false_positive, "cost_false_negative": self.cost_false_negative}
        given = [name for name, cost in costs.items() if cost is not None]
        if given and self.threshold not in ("auto", "cost"):
            raise ValueError(f'model.{given[0]} is used with model.threshold = "cost" or "auto" only')
        for name, cost in costs.items():
            if (given or self.threshold == "cost") and cost is None:
                raise ValueError(f"model.{name} is missing: a threshold by cost needs the costs of both errors")
        if self.quality == "best" and (self.estimator != "auto" or self.instance is not None):
            raise ValueError(
                f'model.quality = "best" is used with auto only, not with {self.estimator}; remove one of them'
            )
        if not math.isfinite(self.quality_seconds):
            raise ValueError(f"model.quality_seconds = {self.quality_seconds} is not finite; write a number of seconds")
