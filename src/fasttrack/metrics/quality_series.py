"""Live quality on `/metrics`: computed from the journal when it is read, but not more often than every 15 seconds."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from fasttrack.errors import FastTrackError
from fasttrack.journal import Database
from fasttrack.journal.quality import LiveQuality, live_quality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.metrics_core import Metric

__all__ = ["QualitySeries"]

_log = logging.getLogger("fasttrack")

_FRESH_SECONDS = 15.0
_FRESH_FACTOR = 30
"""Figures are kept for at least so many times as long as they took: a million labels must not slow down predictions."""


class QualitySeries(Collector):
    """Quality of every version over sliding windows, with the share of predictions that have a label."""

    def __init__(self, location: str, clock: Callable[[], float] = time.time) -> None:
        self._location, self._clock = location, clock
        self._lock = threading.Lock()
        self._figures: list[LiveQuality] = []
        self._computed_at = float("-inf")
        self._fresh_seconds = _FRESH_SECONDS
        self._calibrated: set[tuple[str, str]] = set()

    def show_estimates(self, model: str, version: str) -> None:
        """From now on export the estimated quality of a version, whose probabilities are calibrated."""
        self._calibrated.add((model, version))

    def describe(self) -> Iterator[Metric]:
        """No names, so that registration does not read the journal."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The series; while the journal cannot be read, those that were computed last."""
        labels = ["model", "version", "window"]
        quality = GaugeMetricFamily(
            "fasttrack_live_quality",
            "Quality by the labels so far, over a sliding window.",
            labels=["model", "version", "metric", "window"],
        )
        coverage = GaugeMetricFamily(
            "fasttrack_label_coverage_ratio", "Share of the predictions that have a label.", labels=labels
        )
        estimate = GaugeMetricFamily(
            "fasttrack_estimated_quality",
            "Quality estimated from the probabilities alone, without labels.",
            labels=["model", "version", "metric", "window"],
        )
        labelled = GaugeMetricFamily("fasttrack_labelled_predictions", "Predictions that have a label.", labels=labels)
        margin = GaugeMetricFamily(
            "fasttrack_live_quality_margin",
            "Half the 99.9 % interval of the primary metric.",
            labels=["model", "version", "metric", "window"],
        )
        for live in self._latest():
            version = [live.model, live.version]
            coverage.add_metric([*version, live.window], live.coverage)
            labelled.add_metric([*version, live.window], live.labelled)
            if live.margin is not None:
                margin.add_metric([*version, live.metric, live.window], live.margin)
            for name, value in live.figures.items():
                quality.add_metric([*version, name, live.window], value)
            if (live.model, live.version) in self._calibrated:
                for name, value in live.estimated.items():
                    estimate.add_metric([*version, name, live.window], value)
        yield from (quality, margin, coverage, labelled, estimate)

    def _latest(self) -> list[LiveQuality]:
        with self._lock:
            now = self._clock()
            if abs(now - self._computed_at) >= self._fresh_seconds:  # also when the clock was set back
                started = time.monotonic()
                try:
                    with Database(self._location) as database:
                        self._figures = live_quality(database, now)
                except FastTrackError as error:
                    _log.warning("live quality could not be updated: %s", error)
                self._computed_at = now
                self._fresh_seconds = max(_FRESH_SECONDS, _FRESH_FACTOR * (time.monotonic() - started))
            return self._figures
