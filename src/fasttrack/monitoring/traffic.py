"""Counts of HTTP requests, their sizes and durations: one tally for every way that a request can take.

The series are those of prometheus-fastapi-instrumentator. They are kept in plain numbers and become series when they
are asked for: five updates of Prometheus' own objects would cost more than the prediction that they count.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric
    from prometheus_fastapi_instrumentator.metrics import Info

__all__ = ["DURATION_BUCKETS", "HttpTraffic", "Route"]

DURATION_BUCKETS = (
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0,
)  # fmt: skip
"""Seconds. A compiled row takes under a millisecond, a row through scikit-learn some ten."""


class Route:
    """What is counted of one handler and method."""

    __slots__ = ("durations", "received", "seconds", "sent", "statuses")

    def __init__(self) -> None:
        self.statuses: dict[int, int] = {}
        self.durations = [0] * (len(DURATION_BUCKETS) + 1)
        """How many requests ended in each bucket; the last is for those past all bounds."""
        self.seconds = 0.0
        self.received = 0
        self.sent = 0

    def count(self, status: int, seconds: float, received: int, sent: int) -> None:
        """Count one request: its reply's status, how long it took, and the bytes of both bodies."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.durations[bisect_left(DURATION_BUCKETS, seconds)] += 1
        self.seconds += seconds
        self.received += received
        self.sent += sent


class HttpTraffic(Collector):
    """The HTTP series of one server. Counted on the event loop only; any thread may collect."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, str], Route] = {}
        self.in_progress = 0

    def route(self, handler: str, method: str) -> Route:
        """What is counted of a handler (a path template) and method."""
        return self._routes.setdefault((handler, method), Route())

    def instrument(self, info: Info) -> None:
        """Count a request that the instrumentator saw."""
        received = int(info.request.headers.get("content-length", 0))
        sent = int(info.response.headers.get("content-length", 0)) if info.response else 0
        route = self.route(info.modified_handler, info.method)
        route.count(int(info.modified_status), info.modified_duration, received, sent)

    def collect(self) -> Iterator[Metric]:
        """The series as they stand."""
        requests = CounterMetricFamily("http_requests", "HTTP requests.", labels=["handler", "method", "status"])
        durations = HistogramMetricFamily(
            "http_request_duration_seconds", "Time to answer.", labels=["handler", "method"]
        )
        received = SummaryMetricFamily("http_request_size_bytes", "Bodies received.", labels=["handler", "method"])
        sent = SummaryMetricFamily("http_response_size_bytes", "Bodies sent.", labels=["handler", "method"])
        for key, route in list(self._routes.items()):
            counts = list(accumulate(list(route.durations)))
            bounds = [*map(floatToGoString, DURATION_BUCKETS), "+Inf"]
            for status, number in list(route.statuses.items()):
                requests.add_metric([*key, str(status)], number)
            durations.add_metric(key, list(zip(bounds, counts, strict=True)), route.seconds)
            received.add_metric(key, counts[-1], route.received)
            sent.add_metric(key, counts[-1], route.sent)
        yield GaugeMetricFamily("http_requests_inprogress", "HTTP requests being answered now.", self.in_progress)
        yield from (requests, durations, received, sent)
