"""The cost of monitoring: requests per second with and without metrics, drift and journal; memory after many rows."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.contenders import fasttrack_server, unmonitored_server
from benchmarks.results import ResultTable
from benchmarks.servers import RunningServer, pause_servers, run_server
from benchmarks.workload import median, run_interleaved
from benchmarks.wrk import LoadResult, run_load
from fasttrack.errors import FastTrackError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.trained_model import PredictionRequest, TrainedModel
    from benchmarks.workload import Bench

__all__ = ["measure_memory", "measure_monitoring_cost"]

_REQUESTS = 64
_SCRAPE_SECONDS = 5.0
"""As in monitoring/prometheus.yml."""
_ROWS_PER_REQUEST = 10_000
_SETTLE_SECONDS = 30.0
_PREDICTIONS = "fasttrack_predictions_total"
_STORED = "fasttrack_journal_stored_rows_total"
_DROPPED = "fasttrack_journal_dropped_rows_total"
_BACKLOG = "fasttrack_journal_backlog_rows"


def measure_monitoring_cost(bench: Bench, model: TrainedModel) -> ResultTable:
    """Requests per second of one row each, compared with the same server without monitoring."""
    workload, processors = bench.workload, bench.processors
    requests = model.requests(_REQUESTS)
    connections = [count for count in workload.connections if count > 1]
    contenders = (
        fasttrack_server(model, journal=str(bench.folder / "monitoring.sqlite")),
        fasttrack_server(model, journal="off"),
        unmonitored_server(model),
    )
    with ExitStack() as stack:
        servers = [
            stack.enter_context(run_server(contender, requests[0], processors.server)) for contender in contenders
        ]
        for server in servers:
            server.check(requests)
        work = {
            (server.contender.name, count): partial(_measure_load, bench, server, servers, requests, count)
            for server in servers
            for count in connections
        }
        for load in work.values():
            load()  # so that every server has been under load before it is timed
        results = run_interleaved(work, workload.rounds)
        counters = _read_counters(servers[0])
    names = [server.contender.name for server in servers]
    unmonitored = names[-1]

    def ratio(name: str, count: int) -> float:
        pairs = zip(results[name, count], results[unmonitored, count], strict=True)
        return median([ours.requests_per_second / theirs.requests_per_second for ours, theirs in pairs])

    return ResultTable(
        "monitoring",
        "The cost of monitoring: one row per request over HTTP, one processor for the server, requests per second",
        (
            "server",
            *(f"{count} connections" for count in connections),
            *(f"of that without monitoring, at {count}" for count in connections),
            *(f"processor time per request at {count}, µs" for count in connections),
        ),
        [
            (
                name,
                *(median([load.requests_per_second for load in results[name, count]]) for count in connections),
                *(f"{ratio(name, count):.1%}" for count in connections),
                *(median([load.cpu_s for load in results[name, count]]) * 1e6 for count in connections),
            )
            for name in names
        ],
        (
            f"Servers with metrics are scraped every {_SCRAPE_SECONDS:g} s. The journal is a SQLite file; of "
            f"{counters[_PREDICTIONS]:,.0f} predictions it dropped {counters[_DROPPED]:,.0f}. Ratios are medians of "
            "the ratios within each round.",
        ),
        {f"{name}, {count}": [load.requests_per_second for load in loads] for (name, count), loads in results.items()},
    )


def measure_memory(bench: Bench, model: TrainedModel) -> ResultTable:
    """PSS of a server with all monitoring, after few and after many rows.

    Raises FastTrackError if the journal lost rows: all must be stored, dropped on purpose, or waiting.
    """
    workload = bench.workload
    request = model.requests(1, rows=min(_ROWS_PER_REQUEST, workload.few_rows))[0]
    contender = fasttrack_server(model, form="columns", journal=str(bench.folder / "memory.sqlite"))
    rows: list[tuple[str, float, float, float]] = []
    with run_server(contender, request, bench.processors.server) as server:
        body = contender.body(request)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        sent = len(request.rows)  # by the check at the start
        for goal in (workload.few_rows, workload.many_rows // 10, workload.many_rows):
            while sent < goal:
                connection.request("POST", contender.path, body)
                reply = connection.getresponse()
                if reply.read(1) != b"{" or reply.status != 200:
                    raise FastTrackError(f"{contender.name} replied {reply.status} after {sent:,} rows")
                reply.read()
                sent += len(request.rows)
            counters = _wait_for_journal(server)
            recorded = counters[_STORED] + counters[_DROPPED] + counters[_BACKLOG]
            if not sent == counters[_PREDICTIONS] == recorded:
                raise FastTrackError(f"{sent:,} rows were sent, but the server's counters are {counters}")
            rows.append((f"{sent:,} rows", server.pss_bytes() / 1e6, counters[_STORED], counters[_DROPPED]))
        connection.close()
    return ResultTable(
        "monitoring_memory",
        "Memory with all monitoring",
        ("after", "PSS, MB", "rows in the journal", "rows dropped"),
        list(rows),
        (
            f"Over HTTP in requests of {len(request.rows):,} rows, as fast as the server replies. PSS: a shared page "
            "is divided among the processes that share it.",
        ),
        {name: [megabytes] for name, megabytes, _, _ in rows},
    )


def _wait_for_journal(server: RunningServer) -> dict[str, float]:
    """The server's counters once no prediction waits for the journal."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while (counters := _read_counters(server))[_BACKLOG] and time.monotonic() < deadline:
        time.sleep(0.2)
    return counters


def _measure_load(
    bench: Bench,
    server: RunningServer,
    servers: Sequence[RunningServer],
    requests: Sequence[PredictionRequest],
    connections: int,
) -> LoadResult:
    bodies = [server.contender.body(request) for request in requests]
    with pause_servers([other for other in servers if other is not server]), _scrape(server):
        return run_load(server, bodies, bench.processors.load, connections=connections, seconds=bench.workload.seconds)


@contextmanager
def _scrape(server: RunningServer) -> Iterator[None]:
    """Read the server's metrics regularly, as Prometheus would."""
    stopped = threading.Event()

    def scrape() -> None:
        while not stopped.is_set():
            with contextlib.suppress(OSError):
                _read_metrics(server)
            stopped.wait(_SCRAPE_SECONDS)

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _read_metrics(server: RunningServer) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=60) as reply:
        text: str = reply.read().decode()
    return text


def _read_counters(server: RunningServer) -> dict[str, float]:
    """The server's counters of predictions and of the journal's rows, each summed over its labels."""
    counters = dict.fromkeys((_PREDICTIONS, _STORED, _DROPPED, _BACKLOG), 0.0)
    for line in _read_metrics(server).splitlines():
        name = line.partition("{")[0].partition(" ")[0]
        if name in counters:
            counters[name] += float(line.rpartition(" ")[2])
    return counters
