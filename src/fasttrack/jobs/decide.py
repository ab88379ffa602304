"""Let the gate decide on a new version: it becomes the champion, or else the challenger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fasttrack.errors import FastTrackError, StoreError
from fasttrack.gate import ChampionComparison, Verdict, compare_with_champion, judge
from fasttrack.jobs.promote import AliasMove, record_move, verify_version
from fasttrack.store import CHALLENGER, CHAMPION
from fasttrack.tracking import TrackingResult, mirror_aliases

if TYPE_CHECKING:
    from collections.abc import Callable

    from fasttrack.bundle import Bundle
    from fasttrack.contract.schema import Contract
    from fasttrack.store import Store
    from fasttrack.training.holdout import HoldOut

__all__ = ["Decision", "compare_in_store", "decide"]


@dataclass(frozen=True)
class Decision:
    """The gate's verdict, and the result of telling MLflow; `None` if the model is not tracked."""

    verdict: Verdict
    tracked: TrackingResult | None


def compare_in_store(store: Store, name: str, contract: Contract, holdout: HoldOut) -> ChampionComparison | None:
    """Compare a new model, described by `contract` and `holdout`, with the champion of `name` on the same rows.

    `None` when there is no champion, or its pointer cannot be read. A champion that cannot be opened is no error: the
    comparison says why there is none.
    """
    try:
        champion = store.alias(name, CHAMPION)
    except StoreError:
        return None
    return None if champion is None else _compare(store, name, champion, contract, holdout)


def decide(
    store: Store,
    bundle: Bundle,
    holdout: HoldOut,
    *,
    rule: str,
    confidence: float = 0.95,
    comparison: ChampionComparison | None = None,
    send: Callable[[Verdict], TrackingResult | None] | None = None,
) -> Decision:
    """Promote a version that was just stored by `rule`: never, always, or `better` than the champion.

    Better means better than the champion in at least the fraction `confidence` of bootstrap resamples of the hold-out,
    or better than the trivial model where there is no champion.
    A version that is not promoted becomes the challenger. `comparison` is used as long as the champion is the one in
    it. `send` is called once the aliases have moved: it sends the run and the aliases to MLflow, or nothing where
    tracking is off. Without it, the aliases are mirrored if the model was tracked before.
    Raises StoreError when the store cannot be written, BundleError when the version is damaged.
    """
    name, version = bundle.manifest.name, bundle.manifest.version
    verify_version(store, name, version)
    while True:
        try:
            champion = store.alias(name, CHAMPION)
        except StoreError as error:
            verdict = Verdict(False, f"not promoted: {error}: fasttrack models promote {name}@{version}", None)
            break
        if champion is not None and champion != version and (comparison is None or comparison.champion != champion):
            comparison = _compare(store, name, champion, bundle.manifest.contract, holdout)
        useless = any(finding.code == "FT112" for finding in bundle.manifest.training.findings)
        verdict = judge(bundle.label, version, champion, comparison, rule=rule, confidence=confidence, useless=useless)
        if not verdict.promoted or champion == version:
            break
        if store.point_if(name, version, expected=champion):
            record_move(store, AliasMove(name, CHAMPION, champion, version), "promote", verdict.reason)
            break
        # another training has promoted in between: compare with its version
    moved = CHAMPION if verdict.promoted else CHALLENGER
    if not verdict.promoted:
        _challenge(store, name, version, verdict.reason)
    if send is not None:
        return Decision(verdict, send(verdict))
    mirrored = mirror_aliases(store, name, alias=moved)
    return Decision(verdict, None if mirrored is None else TrackingResult(mirrored))


def _challenge(store: Store, name: str, version: str, why: str) -> None:
    """Make the version the challenger, unless it is already."""
    before = store.point(name, version, CHALLENGER)
    if before != version:
        record_move(store, AliasMove(name, CHALLENGER, before, version), "promote", why)


def _compare(store: Store, name: str, champion: str, contract: Contract, holdout: HoldOut) -> ChampionComparison:
    try:
        opened = store.open(f"{name}@{champion}")
    except FastTrackError as error:
        return ChampionComparison(champion, None, str(error))
    return compare_with_champion(opened, contract, holdout)
