"""The gate: whether a new version is to be promoted, by what it and the champion predict for the same hold-out rows.

It judges and changes nothing: `fasttrack.jobs.decide` moves the aliases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from fasttrack.contract.decode import Decoder, RefusedRequest
from fasttrack.contract.frame import frame_columns
from fasttrack.errors import BundleError, FastTrackError
from fasttrack.evaluation import compare
from fasttrack.scoring.open import engine_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from fasttrack.bundle import Bundle
    from fasttrack.contract.schema import Contract, Target
    from fasttrack.evaluation import Comparison
    from fasttrack.training.holdout import HoldOut

__all__ = ["ChampionComparison", "Verdict", "compare_with_champion", "judge"]

_USELESS = "there is no champion, and the model is not clearly better than the trivial one on the hold-out"
_NEVER = "not promoted, as asked"
_BY_HAND = "to promote it anyway: fasttrack models promote {}"


@dataclass(frozen=True)
class Verdict:
    """Whether the new version becomes the champion, and why."""

    promoted: bool
    reason: str
    champion: str | None
    """The version that serves after the decision; `None` if there is none."""
    comparison: Comparison | None = None
    """With the previous champion, if the two could be compared."""


@dataclass(frozen=True)
class ChampionComparison:
    """A new model against the champion, on the same rows: the comparison, or why there is none."""

    champion: str
    """The version."""
    comparison: Comparison | None
    obstacle: str = ""


def compare_with_champion(champion: Bundle, contract: Contract, holdout: HoldOut) -> ChampionComparison:
    """Compare a new model, described by `contract` and `holdout`, with the champion on the rows of the hold-out.

    Raises nothing where they cannot be compared: the result says why.
    """
    version = champion.manifest.version
    try:
        return ChampionComparison(version, _compare(champion, contract, holdout))
    except (FastTrackError, RefusedRequest) as error:
        return ChampionComparison(version, None, str(error))
    except KeyError:
        return ChampionComparison(version, None)


def judge(
    label: str,
    version: str,
    champion: str | None,
    compared: ChampionComparison | None,
    *,
    rule: str,
    confidence: float,
    useless: bool = False,
) -> Verdict:
    """Whether a new version is to be promoted by `rule`: never, always, or `better` than the champion.

    `label` is its `name@version`, `champion` the present champion's version and `compared` the comparison with it;
    both are `None` where there is no champion. Better means better in at least the fraction `confidence` of bootstrap
    resamples of the rows, or of the clusters that they form. Where there is no champion, a model is better that is
    better than the trivial one, unless it is `useless`.
    """
    if champion == version:
        return Verdict(True, "already the champion: the same data and pipeline gave the same version", version)
    if champion is None or compared is None:
        if rule == "better" and useless:
            return Verdict(False, f"not promoted: {_USELESS}; {_BY_HAND.format(label)}", None)
        if rule == "better":
            return Verdict(True, "promoted: there was no champion", version)
        return Verdict(True, "promoted, as asked", version) if rule == "always" else Verdict(False, _NEVER, None)
    promoted, reason = _judge(compared, label, rule, confidence)
    return Verdict(promoted, reason, version if promoted else champion, compared.comparison)


def _judge(compared: ChampionComparison, label: str, rule: str, confidence: float) -> tuple[bool, str]:
    """Whether to promote, and the reason. It gives the evidence under any rule; only `better` depends on it."""
    by_hand = _BY_HAND.format(label)
    asked = "promoted, as asked" if rule == "always" else _NEVER
    comparison = compared.comparison
    if comparison is None:
        why = f" ({compared.obstacle})" if compared.obstacle else ""
        obstacle = f"champion {compared.champion} cannot be compared on these rows{why}"
        if rule == "better":
            return False, f"not promoted: {obstacle}; {by_hand}"
        return rule == "always", f"{asked}; {obstacle}"
    evidence = _evidence(comparison, compared.champion)
    if rule != "better":
        return rule == "always", f"{asked}; {evidence}"
    if comparison.confidence >= confidence:
        return True, f"promoted: {evidence}"
    return False, f"not promoted: {evidence}; required: {confidence:.3g}; {by_hand}"


def _evidence(comparison: Comparison, champion: str) -> str:
    return (
        f"{comparison.metric} {comparison.ours:.6g} against {comparison.theirs:.6g} of champion {champion} on the same "
        f"{comparison.rows:,} rows, better by {comparison.gain:.4g} (95 % interval {comparison.low:.4g} to "
        f"{comparison.high:.4g}), in {comparison.confidence:.4g} of all resamples"
        + ("" if comparison.clusters is None else f" of their {comparison.clusters:,} {comparison.cluster}")
    )


def _compare(champion: Bundle, ours: Contract, holdout: HoldOut) -> Comparison:
    theirs, clusters = champion.manifest.contract, holdout.clusters
    if champion.manifest.training.evaluated_rows is not None:
        raise BundleError("it was fitted on all rows of its table after its evaluation, so it may have seen these")
    if not _comparable(theirs.target, ours.target):
        raise BundleError("it predicts another target, task or classes")
    if not set(theirs.names) <= set(ours.names):
        raise BundleError("it needs columns that this table does not have")
    if clusters is not None and not clusters.enough:
        raise BundleError(f"the hold-out has {clusters.count} {clusters.name}, too few to tell a gain from chance")
    predictions = [holdout.predictions, _predict(champion, ours, holdout.X)]
    if theirs.target.probabilities != ours.target.probabilities:  # only one model has probabilities: compare labels
        predictions = [(prediction, None) for prediction, _ in predictions]
    classes = (ours.target.classes, theirs.target.classes)
    return compare(
        ours.target.task,
        holdout.y.to_numpy(),
        predictions[0],
        predictions[1],
        *classes,
        clusters=clusters,
        weights=holdout.weights,
        positive=ours.target.positive,
        imbalanced=ours.target.imbalanced,
    )


def _comparable(theirs: Target, ours: Target) -> bool:
    """Whether both models predict the same target, with at least two classes in common if they are classifiers.

    A class that only one model knows counts as a wrong prediction of the other.
    """
    if theirs.name != ours.name:
        return False
    if theirs.classes is None or ours.classes is None:
        return theirs.classes is ours.classes
    return len(set(theirs.classes) & set(ours.classes)) >= 2


def _predict(bundle: Bundle, ours: Contract, X: pd.DataFrame) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """The predictions and probabilities of a version, as served, for the rows `X` [n, f], which `ours` describes."""
    contract = bundle.manifest.contract
    batch = Decoder(contract).columns(frame_columns(_with_columns(ours, contract.names), X[contract.names]))
    scores = engine_of(bundle).score(batch)
    if contract.target.classes is not None:
        return np.array(scores.prediction, dtype=object), scores.probabilities
    without = int(np.isnan(scores.output).sum())
    if without:
        raise BundleError(f"{bundle.label} has no finite prediction for {without:,} of them")
    return scores.output, None


def _with_columns(contract: Contract, names: list[str]) -> Contract:
    by_name = {column.name: column for column in contract.columns}
    return msgspec.structs.replace(contract, columns=[by_name[name] for name in names])
