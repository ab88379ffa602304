"""All series of a server: HTTP traffic, predictions, refusals, inference time, the model, drift, live quality."""

from __future__ import annotations

import threading
from bisect import bisect_left
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.utils import floatToGoString

from fasttrack.metrics.drift import DriftSeries, DriftTally
from fasttrack.metrics.exposition import Exposition, Family
from fasttrack.metrics.ledger import Ledger
from fasttrack.metrics.quality_series import QualitySeries
from fasttrack.metrics.traffic import TRAFFIC, HttpTraffic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from fasttrack.contract.metric import Metric
    from fasttrack.metrics.reference import Reference
    from fasttrack.scoring.observer import Scored

__all__ = ["ModelCounters", "ServingMetrics"]

_INFERENCE_BUCKETS = (
    0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0,
)  # fmt: skip

_OF_MODEL = ("model", "version")
_FAMILIES = (
    Family(
        "fasttrack_predictions_total",
        "counter",
        "Predicted rows by outcome: scored, or null if the model gave no finite value.",
        (*_OF_MODEL, "outcome"),
    ),
    Family(
        "fasttrack_refused_requests_total",
        "counter",
        "Prediction requests that were refused, by reason.",
        ("model", "reason"),
    ),
    Family(
        "fasttrack_refused_rows_total",
        "counter",
        "Rows with a refused value, by column and reason.",
        ("model", "column", "reason"),
    ),
    Family(
        "fasttrack_inference_seconds",
        "histogram",
        "Duration of one run of the model; requests that arrive together share a run.",
        _OF_MODEL,
    ),
    Family(
        "fasttrack_model_info", "gauge", "1 for the model version that serves.", (*_OF_MODEL, "engine"), merge="max"
    ),
    Family("fasttrack_reload_failures_total", "counter", "Promoted versions that could not be loaded."),
    Family(
        "fasttrack_holdout_quality",
        "gauge",
        "Quality on the hold-out, and the ends of its 95 % interval.",
        (*_OF_MODEL, "metric", "bound"),
        merge="max",
    ),
    Family(
        "fasttrack_observer_failures_total", "counter", "Runs of the model on which an observer failed.", ("observer",)
    ),
    Family("fasttrack_journal_backlog_rows", "gauge", "Predictions that wait to be written to the journal."),
    Family("fasttrack_journal_stored_rows_total", "counter", "Predictions written to the journal."),
    Family(
        "fasttrack_journal_dropped_rows_total",
        "counter",
        "Predictions that were not recorded because the queue of the journal was full.",
    ),
    Family(
        "fasttrack_feedback_total",
        "counter",
        "Received labels by outcome: matched to a prediction, unknown prediction, or refused.",
        ("outcome",),
    ),
)


class ModelCounters:
    """The counters of one version. Any thread may count."""

    def __init__(self, ledger: Ledger, model: str, version: str, drift: DriftTally | None) -> None:
        bounds = [*map(floatToGoString, _INFERENCE_BUCKETS), "+Inf"]
        keys = [("fasttrack_inference_seconds_bucket", model, version, bound) for bound in bounds]
        self._inference = ledger.block(keys)
        self._seconds = ledger.block([("fasttrack_inference_seconds_sum", model, version)])
        self._scored = ledger.block([("fasttrack_predictions_total", model, version, "scored")])
        self._null = ledger.block([("fasttrack_predictions_total", model, version, "null")])
        self._lock = threading.Lock()
        self.drift = drift

    def scored(self, event: Scored) -> None:
        """As Observer.scored."""
        self.count_run(len(event.batch), len(event.predictions.warnings), event.seconds)

    def count_run(self, rows: int, nulls: int, seconds: float) -> None:
        """Count one run of the model, which had no answer for `nulls` of the rows."""
        with self._lock:
            self._inference[bisect_left(_INFERENCE_BUCKETS, seconds)] += 1
            self._seconds[0] += seconds
            self._scored[0] += rows - nulls
            if nulls:
                self._null[0] += nulls


class ServingMetrics:
    """The counters of one process, and a registry that adds up those of all processes that share `folder`."""

    def __init__(self, folder: Path | None = None) -> None:
        self.registry = CollectorRegistry()
        self.ledger = Ledger(folder)
        self.traffic = HttpTraffic(self.ledger)
        self._drift = DriftSeries(folder)
        self._observers = threading.Lock()
        self._reload_failures = self.ledger.block([("fasttrack_reload_failures_total",)])
        self._serving: memoryview[float] | None = None
        self._quality: QualitySeries | None = None
        self.registry.register(Exposition(self.ledger, (*TRAFFIC, *_FAMILIES)))
        self.registry.register(self._drift)

    def counters(self, model: str, version: str, reference: Reference | None) -> ModelCounters:
        """The counters of one version. They start at 0, so that Prometheus sees the first increase."""
        drift = None if reference is None else self._drift.tally(model, version, reference)
        if self._quality is not None and reference is not None and reference.calibrated:
            self._quality.show_estimates(model, version)
        return ModelCounters(self.ledger, model, version, drift)

    def watch_quality(self, journal: str, clock: Callable[[], float]) -> None:
        """Export live quality from the predictions and labels in a journal; `clock` tells the present time."""
        self._quality = QualitySeries(journal, clock)
        self.registry.register(self._quality)

    def show_model(self, model: str, version: str, engine: str, holdout: Mapping[str, Metric]) -> None:
        """Export which model serves from now on, and its quality on the hold-out."""
        if self._serving is not None:
            self._serving[0] = float("nan")
        self._serving = self.ledger.block([("fasttrack_model_info", model, version, engine)])
        self._serving[0] = 1
        for name, metric in holdout.items():
            for bound, value in (("value", metric.value), ("low", metric.low), ("high", metric.high)):
                self.ledger.block([("fasttrack_holdout_quality", model, version, name, bound)])[0] = value
        for reason in ("malformed", "invalid", "too-many-rows", "too-large"):
            self.ledger.block([("fasttrack_refused_requests_total", model, reason)])

    def count_refusal(self, model: str, reason: str, cells: Mapping[tuple[str, str], int]) -> None:
        """Count a refused request, and its refused values by column and reason. On the event loop only."""
        self.ledger.block([("fasttrack_refused_requests_total", model, reason)])[0] += 1
        for (column, cell_reason), count in cells.items():
            self.ledger.block([("fasttrack_refused_rows_total", model, column, cell_reason)])[0] += count

    def count_observer_failure(self, observer: str) -> None:
        """Count a run that an observer, named by its class, failed on. Any thread may call."""
        with self._observers:
            self.ledger.block([("fasttrack_observer_failures_total", observer)])[0] += 1

    def has_unbinned_rows(self) -> bool:
        """Whether predicted rows are not binned yet."""
        return self._drift.has_unbinned_rows()

    def bin_rows(self) -> None:
        """Bin the predicted rows. Call it off the event loop: it takes some milliseconds."""
        self._drift.bin_rows()

    def count_reload_failure(self) -> None:
        """Count a promoted version that could not be loaded."""
        self._reload_failures[0] += 1
