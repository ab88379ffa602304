"""`fasttrack serve` without monitoring: no metrics, no drift, no journal. The difference is the cost of monitoring."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from fasttrack.metrics.serving import ModelCounters, ServingMetrics
from fasttrack.metrics.traffic import HttpTraffic, RouteCounters
from fasttrack.serving.http.wire import Wire
from fasttrack.serving.live_model import ModelHolder
from fasttrack.serving.predict import Predictor
from fasttrack.serving.runtime import Runtime
from fasttrack.serving.service import Service
from fasttrack.settings import Settings

if TYPE_CHECKING:
    from fasttrack.metrics.reference import Reference


class _NoCounters(ModelCounters):
    def count_run(self, rows: int, nulls: int, seconds: float) -> None:
        pass


class _NoRoute(RouteCounters):
    def count(self, status: int, seconds: float, received: int, sent: int) -> None:
        pass


class _NoTraffic(HttpTraffic):
    def begin(self) -> None:
        pass

    def end(self) -> None:
        pass

    def route(self, handler: str, method: str) -> RouteCounters:
        return _NoRoute(self._ledger, handler, method)


class _NoMetrics(ServingMetrics):
    def __init__(self) -> None:
        super().__init__()
        self.traffic = _NoTraffic(self.ledger)

    def counters(self, model: str, version: str, reference: Reference | None) -> ModelCounters:
        return _NoCounters(self.ledger, model, version, None)


class _Unmonitored(Runtime):
    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.metrics = _NoMetrics()
        self.models = ModelHolder(settings, self.metrics)
        self.predictor = Predictor(self.metrics, max_body_bytes=settings.max_body_bytes, threads=os.cpu_count() or 1)


def main() -> None:
    """Serve until a signal arrives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    service = Service(_Unmonitored(Settings(store=options.store, model=options.model, journal="off")))
    uvicorn.run(service, http=Wire, host="127.0.0.1", port=options.port, access_log=False, server_header=False)


if __name__ == "__main__":
    main()
