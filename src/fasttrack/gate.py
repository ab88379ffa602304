"""The gate: whether a new version is to serve, by what it and the champion predict for the same hold-out rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from fasttrack.contract.decode import Decoder, RefusedRequest
from fasttrack.contract.frame import frame_columns
from fasttrack.errors import BundleError, FastTrackError, StoreError
from fasttrack.evaluation import Clusters, compare
from fasttrack.scoring.open import engine_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from fasttrack.bundle import Bundle
    from fasttrack.contract.schema import Contract, Target
    from fasttrack.evaluation import Comparison
    from fasttrack.store import Store
    from fasttrack.training.holdout import HoldOut

__all__ = ["Verdict", "Weighed", "clusters", "decide", "weigh"]

_STRETCHES = 30
"""Of time; as many as live quality is parted into."""


@dataclass(frozen=True)
class Verdict:
    """Whether the new version became champion, and on what evidence."""

    promoted: bool
    reason: str
    champion: str | None
    """The version that serves now."""
    comparison: Comparison | None = None
    """With the champion before, where both could be compared."""


def clusters(method: str, by: NDArray[Any] | None) -> Clusters | None:
    """What hangs together in a hold-out: its groups, or stretches of its time; `by` [n] are the groups or times.

    Rows of a group, and neighbours in time, resemble each other. To resample them one by one would take many like rows
    for many witnesses, and promote on a chance that favoured a few groups or days.
    """
    if by is None or method not in ("group", "time"):
        return None
    if method == "group":
        codes = np.unique(by.astype(str) if by.dtype == object else by, return_inverse=True)[1]
        return Clusters(codes, "groups")
    codes = np.empty(len(by), dtype=np.int64)
    for code, rows in enumerate(np.array_split(np.argsort(by, kind="stable"), min(_STRETCHES, len(by)))):
        codes[rows] = code
    return Clusters(codes, "stretches of time")


@dataclass(frozen=True)
class Weighed:
    """A new model against the champion, on the same rows: the comparison, or why there is none."""

    champion: str
    """The version."""
    comparison: Comparison | None
    obstacle: str = ""


def weigh(store: Store, name: str, contract: Contract, held: HoldOut) -> Weighed | None:
    """Compare a new model, of which `contract` and `held` are, with the champion of `name` on the same rows.

    `None` when there is no champion, or the pointer cannot be read.
    """
    try:
        champion = store.champion(name)
    except StoreError:
        return None
    return None if champion is None else _weighed(store, name, champion, contract, held)


def decide(
    store: Store,
    bundle: Bundle,
    rule: str,
    held: HoldOut,
    *,
    confidence: float = 0.95,
    weighed: Weighed | None = None,
) -> Verdict:
    """Promote by `rule`: never, always, or `better`, which compares with the champion on the hold-out rows.

    Better is a version that beats the champion in at least the share `confidence` of bootstrap resamples of the rows,
    or of the clusters that they form. `weighed` is taken for as long as the champion is the one it names.
    """
    name, version = bundle.manifest.name, bundle.manifest.version
    while True:
        try:
            champion = store.champion(name)
        except StoreError as error:
            return Verdict(False, f"not promoted: {error}: fasttrack models promote {name}@{version}", None)
        if champion == version:
            return Verdict(True, "already the champion: the same data and pipeline gave the same version", version)
        compared: Comparison | None = None
        if champion is None and rule == "better":
            better, reason = True, "promoted: the first of its name"
        elif champion is None:
            better, reason = rule == "always", "promoted, as asked" if rule == "always" else "not promoted, as asked"
        else:
            if weighed is None or weighed.champion != champion:
                weighed = _weighed(store, name, champion, bundle.manifest.contract, held)
            compared = weighed.comparison
            better, reason = _judged(weighed, f"{name}@{version}", rule, confidence)
        if not better:
            return Verdict(False, reason, champion, compared)
        if store.promote_if(name, version, champion=champion):
            return Verdict(True, reason, version, compared)
        # another training promoted meanwhile: compare with that one


def _judged(weighed: Weighed, label: str, rule: str, confidence: float) -> tuple[bool, str]:
    """The evidence is told under any rule; only `better` hangs on it."""
    by_hand = f"promote it by hand: fasttrack models promote {label}"
    asked = f"{'promoted' if rule == 'always' else 'not promoted'}, as asked"
    found = weighed.comparison
    if found is None:
        why = f" ({weighed.obstacle})" if weighed.obstacle else ""
        told = f"champion {weighed.champion} cannot be compared on these rows{why}"
        if rule == "better":
            return False, f"not promoted: {told}; {by_hand}"
        return rule == "always", f"{asked}; {told}"
    evidence = _evidence(found, weighed.champion)
    if rule != "better":
        return rule == "always", f"{asked}; {evidence}"
    if found.confidence >= confidence:
        return True, f"promoted: {evidence}"
    return False, f"not promoted: {evidence}, {confidence:.3g} are asked for; {by_hand}"


def _evidence(found: Comparison, champion: str) -> str:
    return (
        f"{found.metric} {found.ours:.6g} against {found.theirs:.6g} of champion {champion} on the same {found.rows:,} "
        f"rows, better by {found.gain:.4g} (95 % interval {found.low:.4g} to {found.high:.4g}), "
        f"in {found.confidence:.4g} of all resamples"
        + ("" if found.clusters is None else f" of their {found.clusters:,} {found.cluster}")
    )


def _weighed(store: Store, name: str, champion: str, contract: Contract, held: HoldOut) -> Weighed:
    try:
        return Weighed(champion, _compared(store.open(f"{name}@{champion}"), contract, held))
    except (FastTrackError, RefusedRequest) as error:
        return Weighed(champion, None, str(error))
    except KeyError:
        return Weighed(champion, None)


def _compared(champion: Bundle, ours: Contract, held: HoldOut) -> Comparison:
    theirs, together = champion.manifest.contract, held.clusters
    if not _same_question(theirs.target, ours.target):
        raise BundleError("it predicts another target, task or classes")
    if not set(theirs.names) <= set(ours.names):
        raise BundleError("it needs columns that this table does not have")
    if together is not None and not together.enough:
        raise BundleError(f"the hold-out has {together.count} {together.name}, too few to tell a gain from chance")
    told = [held.told, _predicted(champion, ours, held.X)]
    if theirs.target.probabilities != ours.target.probabilities:  # what both have is compared
        told = [(prediction, None) for prediction, _ in told]
    classes = (ours.target.classes, theirs.target.classes)
    return compare(ours.target.task, held.y.to_numpy(), told[0], told[1], *classes, clusters=together)


def _same_question(theirs: Target, ours: Target) -> bool:
    """Whether both answers can be right for the same row: a class that only one knows is one that the other misses."""
    if theirs.name != ours.name:
        return False
    if theirs.classes is None or ours.classes is None:
        return theirs.classes is ours.classes
    return len(set(theirs.classes) & set(ours.classes)) >= 2


def _predicted(bundle: Bundle, given: Contract, X: pd.DataFrame) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """What a version answers when the rows of a table are sent to it, by what serves it: predictions, probabilities."""
    contract = bundle.manifest.contract
    batch = Decoder(contract).columns(frame_columns(_only(given, contract.names), X[contract.names]))
    scores = engine_of(bundle).score(batch)
    if contract.target.classes is not None:
        return np.array(scores.prediction, dtype=object), scores.probabilities
    silent = int(np.isnan(scores.output).sum())
    if silent:
        raise BundleError(f"{bundle.label} has no finite answer to {silent:,} of them")
    return scores.output, None


def _only(contract: Contract, names: list[str]) -> Contract:
    by_name = {column.name: column for column in contract.columns}
    return msgspec.structs.replace(contract, columns=[by_name[name] for name in names])
