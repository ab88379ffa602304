"""The server's own series, beside those of HTTP: predictions, refused rows, inference time, the model that serves."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from fasttrack.monitoring.traffic import HttpTraffic

__all__ = ["ModelCounters", "ServingMetrics"]

_INFERENCE_BUCKETS = (
    0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ModelCounters:
    """The series of the version that scores."""

    predictions: Counter
    inference: Histogram

    def ran(self, rows: int, seconds: float) -> None:
        """Count one run of the model."""
        self.inference.observe(seconds)
        self.predictions.inc(rows)


class ServingMetrics:
    """One server's series, in a registry of its own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, that nothing reads
        self.registry = CollectorRegistry()
        self.predictions = Counter(
            "fasttrack_predictions_total", "Rows predicted.", ["model", "version"], registry=self.registry
        )
        self.refused_requests = Counter(
            "fasttrack_refused_requests_total",
            "Prediction requests refused, by reason.",
            ["model", "reason"],
            registry=self.registry,
        )
        self.inference = Histogram(
            "fasttrack_inference_seconds",
            "Time of one run of the model; requests that arrive together share a run.",
            ["model", "version"],
            buckets=_INFERENCE_BUCKETS,
            registry=self.registry,
        )
        self.model_info = Gauge(
            "fasttrack_model_info",
            "1 for the model that serves.",
            ["model", "version", "engine"],
            registry=self.registry,
        )
        self.reload_failures = Counter(
            "fasttrack_reload_failures_total", "Promoted versions that could not be loaded.", registry=self.registry
        )
        self.traffic = HttpTraffic()
        self.registry.register(self.traffic)

    def counters(self, model: str, version: str) -> ModelCounters:
        """The series of one version; they start at 0, so that the first increase is seen."""
        return ModelCounters(self.predictions.labels(model, version), self.inference.labels(model, version))

    def serving(self, model: str, version: str, engine: str) -> None:
        """Say which model serves from now on."""
        self.model_info.clear()
        self.model_info.labels(model, version, engine).set(1)
        for reason in ("malformed", "invalid", "too-many-rows", "too-large"):
            self.refused_requests.labels(model, reason)
