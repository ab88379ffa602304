"""What is to serve after the evaluation: the evaluated pipeline, or the same one fitted again on all rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttrack.contract.learn import learn_contract
from fasttrack.training.fit import refit

if TYPE_CHECKING:
    from fasttrack.config import TrainConfig
    from fasttrack.contract.schema import Contract
    from fasttrack.training.fit import FittedModel
    from fasttrack.training.holdout import HoldOut
    from fasttrack.training.table import TrainingTable

__all__ = ["Served", "choose_served"]


@dataclass(frozen=True)
class Served:
    """A fitted pipeline with its contract; `holdout` has the predictions of the evaluated pipeline."""

    pipeline: Any
    contract: Contract
    holdout: HoldOut


def choose_served(
    config: TrainConfig, model: FittedModel, ready: TrainingTable, contract: Contract, holdout: HoldOut
) -> Served:
    """The evaluated `model` with its `contract`, or with `refit` its pipeline fitted again on all rows of `ready`.

    The predictions for the hold-out stay those of the evaluated pipeline: what was fitted on all rows has seen them. A
    class that only the hold-out has gets the probability 0 in them.
    """
    if not config.model.refit:
        return Served(model.pipeline, contract, holdout)
    pipeline = refit(model, ready)
    target = contract.target
    again = learn_contract(
        ready.X,
        pipeline,
        target=target.name,
        task=target.task,
        kinds=ready.kinds,
        positive=target.positive,
        imbalanced=target.imbalanced,
        readings=ready.readings,
        privacy=config.privacy.rule,
    )
    return Served(pipeline, again, _with_classes(holdout, contract, again))


def _with_classes(holdout: HoldOut, before: Contract, after: Contract) -> HoldOut:
    known, classes, probabilities = before.target.classes, after.target.classes, holdout.probabilities
    if probabilities is None or known is None or classes is None or known == classes:
        return holdout
    wider = np.zeros((len(probabilities), len(classes)))
    wider[:, [classes.index(label) for label in known]] = probabilities
    return replace(holdout, probabilities=wider)
