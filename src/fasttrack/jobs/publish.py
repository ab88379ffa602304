"""The end of a training or packaging: compare the draft with the champion, store, promote and track it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.config import TrainConfig
from fasttrack.jobs.assemble import assemble
from fasttrack.jobs.decide import compare_in_store, decide
from fasttrack.jobs.outcome import Outcome
from fasttrack.progress import report_step
from fasttrack.report import extract_plots, read_report
from fasttrack.tracking import record_run, spool_folder, track
from fasttrack.tracking.place import OFF

if TYPE_CHECKING:
    from fasttrack.config import PackageConfig
    from fasttrack.gate import Verdict
    from fasttrack.jobs.draft import Draft
    from fasttrack.store import Store
    from fasttrack.tracking import Place, TrackingResult

__all__ = ["publish"]


def publish(draft: Draft, config: TrainConfig | PackageConfig, store: Store, place: Place | None) -> Outcome:
    """Put `draft` into `store` as a version, make it the champion by the configured rule, and track it at `place`.

    Raises as `assemble`; that MLflow does not answer is no error, it is in the outcome.
    """
    manifest = draft.manifest
    comparison = compare_in_store(store, manifest.name, manifest.contract, draft.holdout)
    bundle = assemble(draft, store, comparison)

    def send(verdict: Verdict) -> TrackingResult | None:
        if place is None:
            return None
        run = record_run(
            place,
            bundle.manifest,
            verdict=verdict.reason,
            config=config if isinstance(config, TrainConfig) else None,
            pipeline=draft.pipeline,
            started=draft.started,
            plots=extract_plots(read_report(bundle)),
            trials=() if draft.search is None else draft.search.trials,
        )
        report_step(f"tracking in {place.label}")  # importing MLflow takes seconds
        return track(place, run, store, spool_folder(config.store))

    # where tracking is not configured, a model that was tracked before still has its aliases moved in MLflow
    is_configured = place is not None or config.tracking.uri == OFF
    decision = decide(
        store,
        bundle,
        draft.holdout,
        rule=config.promote,
        confidence=config.confidence,
        comparison=comparison,
        send=send if is_configured else None,
    )
    return Outcome(bundle, decision.verdict, draft.search, decision.tracked, draft.leaderboard)
