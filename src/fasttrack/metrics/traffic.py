"""Counters of HTTP requests, their sizes and durations: the same for every path that a request can take to its answer.

The series are those of prometheus-fastapi-instrumentator. They are plain numbers: five updates of Prometheus' own
objects would take longer than the prediction that they count.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from prometheus_client.utils import floatToGoString

from fasttrack.metrics.exposition import Family

if TYPE_CHECKING:
    from prometheus_fastapi_instrumentator.metrics import Info

    from fasttrack.metrics.ledger import Ledger

__all__ = ["DURATION_BUCKETS", "TRAFFIC", "HttpTraffic", "RouteCounters"]

DURATION_BUCKETS = (
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0,
)  # fmt: skip
"""Seconds. A compiled model answers a row in less than a millisecond, scikit-learn in about ten."""

_BY_ROUTE = ("handler", "method")
TRAFFIC = (
    Family("http_requests_inprogress", "gauge", "HTTP requests that are being answered."),
    Family("http_requests_total", "counter", "HTTP requests.", (*_BY_ROUTE, "status")),
    Family("http_request_duration_seconds", "histogram", "Time to answer a request.", _BY_ROUTE),
    Family("http_request_size_bytes", "summary", "Size of request bodies.", _BY_ROUTE),
    Family("http_response_size_bytes", "summary", "Size of response bodies.", _BY_ROUTE),
)

_BUCKETS = len(DURATION_BUCKETS) + 1
_SECONDS, _REQUESTS, _RECEIVED, _REPLIES, _SENT = range(_BUCKETS, _BUCKETS + 5)


class RouteCounters:
    """The counters of one handler and method."""

    __slots__ = ("_handler", "_ledger", "_method", "_numbers", "_statuses")

    def __init__(self, ledger: Ledger, handler: str, method: str) -> None:
        self._ledger, self._handler, self._method = ledger, handler, method
        self._statuses: dict[int, memoryview[float]] = {}
        bounds = [*map(floatToGoString, DURATION_BUCKETS), "+Inf"]
        keys = [("http_request_duration_seconds_bucket", handler, method, bound) for bound in bounds]
        keys += [
            (name, handler, method)  # type: ignore[misc]  # keys have as many parts as their series has labels
            for name in (
                "http_request_duration_seconds_sum",
                "http_request_size_bytes_count",
                "http_request_size_bytes_sum",
                "http_response_size_bytes_count",
                "http_response_size_bytes_sum",
            )
        ]
        self._numbers = ledger.block(keys)

    def count(self, status: int, seconds: float, received: int, sent: int) -> None:
        """Count one request: the status of the reply, how long it took, and the bytes of both bodies."""
        numbers = self._numbers
        if status not in self._statuses:
            key = ("http_requests_total", self._handler, self._method, str(status))
            self._statuses[status] = self._ledger.block([key])
        self._statuses[status][0] += 1
        numbers[bisect_left(DURATION_BUCKETS, seconds)] += 1
        numbers[_SECONDS] += seconds
        numbers[_REQUESTS] += 1
        numbers[_RECEIVED] += received
        numbers[_REPLIES] += 1
        numbers[_SENT] += sent


class HttpTraffic:
    """The HTTP counters of one process, for the event loop only."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._routes: dict[tuple[str, str], RouteCounters] = {}
        self._in_progress = ledger.block([("http_requests_inprogress",)])

    def begin(self) -> None:
        """Count a request as in progress."""
        self._in_progress[0] += 1

    def end(self) -> None:
        """Count a request as no longer in progress."""
        self._in_progress[0] -= 1

    def route(self, handler: str, method: str) -> RouteCounters:
        """The counters of a handler (a path template) and method."""
        if (handler, method) not in self._routes:
            self._routes[handler, method] = RouteCounters(self._ledger, handler, method)
        return self._routes[handler, method]

    def instrument(self, info: Info) -> None:
        """Count a request that the instrumentator has observed."""
        received = int(info.request.headers.get("content-length", 0))
        sent = int(info.response.headers.get("content-length", 0)) if info.response else 0
        route = self.route(info.modified_handler, info.method)
        route.count(int(info.modified_status), info.modified_duration, received, sent)
