"""What a manifest says of its training: estimator, rows, split, search, and where the table came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttrack.bundle import SearchRecord, ThresholdRecord, TrainingRecord
from fasttrack.data import fingerprint
from fasttrack.training.outcome_findings import rare_class_findings

if TYPE_CHECKING:
    import pyarrow as pa

    from fasttrack.config import TrainConfig
    from fasttrack.training.fit import FittedModel
    from fasttrack.training.split import SplitTable
    from fasttrack.training.table import TrainingTable

__all__ = ["training_record"]


def training_record(
    config: TrainConfig, table: pa.Table, ready: TrainingTable, rows: SplitTable, model: FittedModel
) -> TrainingRecord:
    """The record of `model`, which was evaluated on `rows`; `ready` was prepared from `table`."""
    data, search = config.data, None
    if model.search is not None:
        search = SearchRecord(
            params=model.search.best_params,
            trials=len(model.search.trials),
            seconds=config.search.seconds,
            metric=model.search.metric,
            score=model.search.score,
            default_score=model.search.default_score,
            validation=model.search.validation,
        )
    threshold = None
    if model.threshold is not None:
        chosen = model.threshold
        threshold = ThresholdRecord(rule=chosen.rule, value=chosen.value, measured=chosen.measured)
    content = fingerprint(table, data.source, query=data.query, table_name=data.table, sample=data.rows)
    return TrainingRecord(
        estimator=model.label,
        rows=len(ready.X) if config.model.refit else len(rows.X_train),
        evaluated_rows=len(rows.X_train) if config.model.refit else None,
        holdout_rows=len(rows.X_test),
        split=rows.note,
        dropped_rows=ready.dropped_rows,
        left_out=ready.left_out,
        notes=[*ready.notes, *model.notes],
        findings=[*ready.findings, *rare_class_findings(data.target, model.balance, model.threshold)],
        weight=data.weight,
        threshold=threshold,
        source=content.source,
        schema=content.columns,
        content_sha256=content.content_sha256,
        search=search,
        leaderboard=None if model.leaderboard is None else model.leaderboard.without_times(),
        query=content.query,
        table=content.table,
        sample=content.sample,
        reading=data.reading,
    )
