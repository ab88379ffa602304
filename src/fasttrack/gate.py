"""The gate: whether a new version is to serve, by what it and the champion predict for the same hold-out rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from fasttrack.contract.decode import Decoder, RefusedRequest
from fasttrack.contract.frame import json_columns, pipeline_input
from fasttrack.errors import BundleError, FastTrackError, StoreError
from fasttrack.evaluate import compare

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from fasttrack.bundle import Bundle
    from fasttrack.contract.schema import Contract
    from fasttrack.evaluate import Comparison
    from fasttrack.store import Store

__all__ = ["Verdict", "decide"]


@dataclass(frozen=True)
class Verdict:
    """Whether the new version became champion, and on what evidence."""

    promoted: bool
    reason: str
    champion: str | None
    """The version that serves now."""
    comparison: Comparison | None = None
    """With the champion before, where both could be compared."""


def decide(
    store: Store, bundle: Bundle, rule: str, X: pd.DataFrame, y: pd.Series[Any], *, confidence: float = 0.95
) -> Verdict:
    """Promote by `rule`: never, always, or `better`, which compares with the champion on these hold-out rows.

    Better is a version that beats the champion in at least the share `confidence` of bootstrap resamples of the rows.
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
            better, reason, compared = _judged(store, bundle, champion, rule, X, y, confidence)
        if not better:
            return Verdict(False, reason, champion, compared)
        if store.promote_if(name, version, champion=champion):
            return Verdict(True, reason, version, compared)
        # another training promoted meanwhile: compare with that one


def _judged(
    store: Store,
    bundle: Bundle,
    champion: str,
    rule: str,
    X: pd.DataFrame,
    y: pd.Series[Any],
    confidence: float,
) -> tuple[bool, str, Comparison | None]:
    """The evidence is told under any rule; only `better` hangs on it."""
    name, version = bundle.manifest.name, bundle.manifest.version
    by_hand = f"promote it by hand: fasttrack models promote {name}@{version}"
    try:
        found = _compared(store.open(f"{name}@{champion}"), bundle, X, y)
    except (FastTrackError, RefusedRequest, KeyError) as error:
        why = "" if isinstance(error, KeyError) else f" ({error})"
        told = f"champion {champion} cannot be compared on these rows{why}"
        if rule == "better":
            return False, f"not promoted: {told}; {by_hand}", None
        return rule == "always", f"{'promoted' if rule == 'always' else 'not promoted'}, as asked; {told}", None
    evidence = _evidence(found, champion)
    if rule != "better":
        return rule == "always", f"{'promoted' if rule == 'always' else 'not promoted'}, as asked; {evidence}", found
    if found.confidence >= confidence:
        return True, f"promoted: {evidence}", found
    return False, f"not promoted: {evidence}, {confidence:.3g} are asked for; {by_hand}", found


def _evidence(found: Comparison, champion: str) -> str:
    return (
        f"{found.metric} {found.ours:.6g} against {found.theirs:.6g} of champion {champion} on the same {found.rows:,} "
        f"rows, better by {found.gain:.4g} (95 % interval {found.low:.4g} to {found.high:.4g}), "
        f"in {found.confidence:.4g} of all resamples"
    )


def _compared(champion: Bundle, bundle: Bundle, X: pd.DataFrame, y: pd.Series[Any]) -> Comparison:
    theirs, ours = champion.manifest.contract, bundle.manifest.contract
    if theirs.target != ours.target:
        raise BundleError("it predicts another target, task or classes")
    if not set(theirs.names) <= set(ours.names):
        raise BundleError("it needs columns that this table does not have")
    target = ours.target
    told = [_predicted(one, ours, X) for one in (bundle, champion)]
    return compare(target.task, y.to_numpy(), told[0], told[1], target.classes)


def _predicted(bundle: Bundle, given: Contract, X: pd.DataFrame) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """What a version predicts for the rows of a table, as they would be sent to it: predictions and probabilities."""
    contract = bundle.manifest.contract
    pipeline = bundle.load_pipeline()
    body = msgspec.json.encode({"columns": json_columns(_only(given, contract.names), X[contract.names])})
    batch = Decoder(contract, max_rows=len(X)).rows(body)
    rows = pipeline_input(contract, batch.matrix, batch.text)
    shares = pipeline.predict_proba(rows) if contract.target.probabilities else None
    return np.asarray(pipeline.predict(rows)), shares


def _only(contract: Contract, names: list[str]) -> Contract:
    by_name = {column.name: column for column in contract.columns}
    return msgspec.structs.replace(contract, columns=[by_name[name] for name in names])
