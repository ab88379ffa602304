"""The end of a training or packaging: compare the draft with the champion, store, promote and track it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.config import TrainConfig
from fasttrack.gate import decide, weigh
from fasttrack.jobs.assemble import assemble
from fasttrack.jobs.outcome import Outcome
from fasttrack.progress import report_step
from fasttrack.report import plots_in, read_report
from fasttrack.tracking import record_run, spool_folder, track

if TYPE_CHECKING:
    from fasttrack.config import PackageConfig
    from fasttrack.jobs.draft import Draft
    from fasttrack.store import Store
    from fasttrack.tracking import Place

__all__ = ["publish"]


def publish(draft: Draft, config: TrainConfig | PackageConfig, store: Store, place: Place | None) -> Outcome:
    """Put `draft` into `store` as a version, make it the champion by the configured rule, and track it at `place`.

    Raises as `assemble`; that MLflow does not answer is no error, it is in the outcome.
    """
    manifest = draft.manifest
    weighed = weigh(store, manifest.name, manifest.contract, draft.held)
    bundle = assemble(draft, store, weighed)
    verdict = decide(store, bundle, config.promote, draft.held, confidence=config.confidence, weighed=weighed)
    if place is None:
        return Outcome(bundle, verdict, draft.search)
    run = record_run(
        place,
        bundle.manifest,
        verdict=verdict.reason,
        config=config if isinstance(config, TrainConfig) else None,
        pipeline=draft.pipeline,
        started=draft.started,
        plots=plots_in(read_report(bundle)),
        trials=() if draft.search is None else draft.search.trials,
    )
    report_step(f"tracking in {place.shown}")  # importing MLflow takes seconds
    return Outcome(bundle, verdict, draft.search, track(place, run, store, spool_folder(config.store)))
