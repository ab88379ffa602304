"""Findings about the classes and the model: rare classes, classes that are never predicted, a useless model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fasttrack.contract.finding import FindingCode, TableFinding
from fasttrack.contract.openapi import label_key
from fasttrack.evaluation import class_codes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fasttrack.contract.metric import Metric
    from fasttrack.contract.schema import Target
    from fasttrack.evaluation import Evaluation
    from fasttrack.training.holdout import HoldOut
    from fasttrack.training.imbalance import ClassBalance
    from fasttrack.training.threshold import Threshold

__all__ = ["outcome_findings", "rare_class_findings", "useless_because"]

_MOST_LISTED = 5
_MANY_ROWS = 5
"""One of several classes with fewer hold-out rows may be missing from the predictions by chance."""


def rare_class_findings(target: str, balance: ClassBalance, threshold: Threshold | None) -> list[TableFinding]:
    """FT110: the rare classes of the column `target`, and what was done for them or can be."""
    if not balance.rare:
        return []
    rows = sum(balance.rare.values())
    which = _listed([f"{label_key(label)} ({count:,} rows)" for label, count in balance.rare.items()])
    message = f"{target!r} has rare classes: {which} of {balance.rows:,} training rows"
    if balance.task == "binary":
        (label,) = balance.rare
        message = f"{target!r} is {label_key(label)} in only {rows:,} of {balance.rows:,} training rows"
        if balance.imbalanced:
            message += "; a search and the comparison with the champion use average precision"
    advice = []
    if threshold is not None:
        message += f"; {threshold}"
    elif balance.task == "binary":
        advice.append("--threshold f1 or cost, to find more of its rows")
    if not balance.weighted:
        advice.append("--class-weight balanced, which makes all classes count the same in fitting")
    message += f"; consider {' and '.join(advice)}" * bool(advice)
    return [TableFinding(code="FT110", level="note", message=message, columns=[target], figure=rows / balance.rows)]


def outcome_findings(
    target: Target, holdout: HoldOut, evaluation: Evaluation, skip: Sequence[FindingCode] = ()
) -> list[TableFinding]:
    """FT111 and FT112: classes that are never predicted for the hold-out, and a model that is of no use.

    `skip`: those that are not looked for.
    """
    findings = [*_never_predicted(target, holdout)]
    useless = useless_because(evaluation.gains)
    if useless is not None:
        findings.append(TableFinding(code="FT112", level="caution", message=useless, columns=[target.name]))
    return [finding for finding in findings if finding.code not in skip]


def _never_predicted(target: Target, holdout: HoldOut) -> list[TableFinding]:
    if target.classes is None:
        return []
    size = len(target.classes) + 1
    truth, predicted = (
        np.bincount(class_codes(labels, target.classes), minlength=size)[:-1]
        for labels in (holdout.y.to_numpy(), holdout.prediction)
    )
    absent = np.flatnonzero((predicted == 0) & (truth > 0))
    if not len(absent):
        return []
    absent = absent[np.argsort(-truth[absent], kind="stable")]
    named = _listed(
        [f"{label_key(target.classes[k])} ({truth[k]:,} row{'' if truth[k] == 1 else 's'})" for k in absent]
    )
    message = (
        f"the model never predicts {target.name!r} = {named} in the {len(holdout.y):,} rows that it was measured on"
    )
    if target.task == "binary" and target.probabilities and target.threshold is None:
        message += "; --threshold f1 chooses the probability from which on it is predicted"
    certain = target.task == "binary" or truth[absent[0]] >= _MANY_ROWS
    return [
        TableFinding(
            code="FT111",
            level="caution" if certain else "note",
            message=message,
            columns=[target.name],
            figure=len(absent),
        )
    ]


def useless_because(gains: Mapping[str, Metric]) -> str | None:
    """That a model is no better than the trivial one, with the evidence; `None` if one metric shows that it is.

    A model is better if the interval of the paired difference lies above zero, for its probabilities, for its ranking
    of the rows or for its labels. Without `gains` nothing is known.
    """
    if not gains or any(gain.low > 0 for gain in gains.values()):
        return None
    evidence = ", ".join(
        # + 0.0: zero without a sign
        f"gain in {name} {gain.value + 0.0:.3g} (95 % interval {gain.low + 0.0:.3g} to {gain.high + 0.0:.3g})"
        for name, gain in gains.items()
    )
    return f"the model is not clearly better than the trivial one, which always predicts the same: {evidence}"


def _listed(items: Sequence[str]) -> str:
    more = len(items) - _MOST_LISTED
    return ", ".join(items[:_MOST_LISTED]) + (f" and {more:,} more" if more > 0 else "")
