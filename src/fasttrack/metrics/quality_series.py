"""Live quality on `/metrics`: looked up in the journal when it is asked for, at most every few seconds."""

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
_REST = 30
"""After a look that took long, none for so many times as long: a million labels must not slow down predictions."""


class QualitySeries(Collector):
    """Figures of every version over sliding windows, each with the share of predictions that have a label."""

    def __init__(self, location: str, clock: Callable[[], float] = time.time) -> None:
        self._location, self._clock = location, clock
        self._lock = threading.Lock()
        self._found: list[LiveQuality] = []
        self._looked = float("-inf")
        self._fresh = _FRESH_SECONDS
        self._calibrated: set[tuple[str, str]] = set()

    def calibrated(self, model: str, version: str) -> None:
        """From now on show what is estimated of this version: its probabilities can be trusted."""
        self._calibrated.add((model, version))

    def describe(self) -> Iterator[Metric]:
        """The names alone, so that being registered looks nothing up."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The series; while the journal cannot be read those that were found last."""
        labels = ["model", "version", "window"]
        quality = GaugeMetricFamily(
            "fasttrack_live_quality",
            "Quality by the labels that have come.",
            labels=["model", "version", "metric", "window"],
        )
        coverage = GaugeMetricFamily(
            "fasttrack_label_coverage_ratio", "Share of the predictions with a label.", labels=labels
        )
        guess = GaugeMetricFamily(
            "fasttrack_estimated_quality",
            "Quality to expect by the probabilities alone.",
            labels=["model", "version", "metric", "window"],
        )
        labelled = GaugeMetricFamily("fasttrack_labelled_predictions", "Predictions that have a label.", labels=labels)
        chance = GaugeMetricFamily(
            "fasttrack_live_quality_margin",
            "How far the live figure may be off by chance: half its 99.9 % interval.",
            labels=["model", "version", "metric", "window"],
        )
        for one in self._latest():
            coverage.add_metric([one.model, one.version, one.window], one.coverage)
            labelled.add_metric([one.model, one.version, one.window], one.labelled)
            if one.margin is not None:
                chance.add_metric([one.model, one.version, one.metric, one.window], one.margin)
            for name, value in one.figures.items():
                quality.add_metric([one.model, one.version, name, one.window], value)
            if (one.model, one.version) in self._calibrated:
                for name, value in one.estimated.items():
                    guess.add_metric([one.model, one.version, name, one.window], value)
        yield from (quality, chance, coverage, labelled, guess)

    def _latest(self) -> list[LiveQuality]:
        with self._lock:
            now = self._clock()
            if abs(now - self._looked) >= self._fresh:  # also when the clock was put back
                started = time.monotonic()
                try:
                    with Database(self._location) as database:
                        self._found = live_quality(database, now)
                except FastTrackError as error:
                    _log.warning("live quality is that of before: %s", error)
                self._looked = now
                self._fresh = max(_FRESH_SECONDS, _REST * (time.monotonic() - started))
            return self._found
