"""One row per request over HTTP: this server, plain FastAPI, other servers, and the upper limit."""

from __future__ import annotations

import math
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.contenders import echo_server, fastapi_server, fasttrack_server
from benchmarks.results import Cell, ResultTable
from benchmarks.servers import Contender, RunningServer, pause_servers, run_server
from benchmarks.workload import median, run_interleaved
from benchmarks.wrk import LoadResult, run_load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.trained_model import PredictionRequest, TrainedModel
    from benchmarks.workload import Bench

    _Results = dict[tuple[str, int], list[LoadResult]]
    """By the name of the server and the number of connections, the result of each round."""

__all__ = ["measure_one_row"]

_REQUESTS = 64
_MIN_REPLIES_PER_CONNECTION = 20
"""In a round. Requests in flight at its end do not count, which would distort the figures of slow servers."""


def measure_one_row(bench: Bench, model: TrainedModel, others: Sequence[Contender]) -> ResultTable:
    """Requests per second by server and number of connections. All predictions are checked before and after."""
    workload, processors = bench.workload, bench.processors
    requests = model.requests(_REQUESTS)
    with ExitStack() as stack:

        def start(contender: Contender) -> RunningServer:
            return stack.enter_context(run_server(contender, requests[0], processors.server))

        fasttrack = start(fasttrack_server(model))
        fastapi = start(fastapi_server(model, bench.folder))
        limit = start(echo_server(len(fasttrack.send(requests[0]))))
        servers = [fasttrack, fastapi, limit, *map(start, others)]
        _check_all(servers, requests)
        work = {}
        for server in servers:
            load = partial(_measure_load, bench, server, servers, requests)
            # this also puts every server under load before it is timed
            speed = load(_several(workload.connections)[0], workload.seconds).requests_per_second
            for count in workload.connections:
                seconds = max(workload.seconds, math.ceil(_MIN_REPLIES_PER_CONNECTION * count / speed))
                work[server.contender.name, count] = partial(load, count, seconds)
        results = run_interleaved(work, workload.rounds)
        _check_all(servers, requests)
    names = [server.contender.name for server in servers]
    return ResultTable(
        "one_row",
        "One row per request over HTTP, one processor for the server: requests per second",
        _header(workload.connections),
        [_row(results, name, fastapi.contender.name, limit.contender.name, workload.connections) for name in names],
        (_note(model),),
        {
            f"{name}, {connections}": [load.requests_per_second for load in loads]
            for (name, connections), loads in results.items()
        },
    )


def _several(connections: Sequence[int]) -> list[int]:
    """The numbers of connections above one."""
    return [count for count in connections if count > 1]


def _check_all(servers: Sequence[RunningServer], requests: Sequence[PredictionRequest]) -> None:
    for server in servers:
        server.check(requests)


def _measure_load(
    bench: Bench,
    server: RunningServer,
    servers: Sequence[RunningServer],
    requests: Sequence[PredictionRequest],
    connections: int,
    seconds: int,
) -> LoadResult:
    bodies = [server.contender.body(request) for request in requests]
    with pause_servers([other for other in servers if other is not server]):
        return run_load(server, bodies, bench.processors.load, connections=connections, seconds=seconds)


def _header(connections: Sequence[int]) -> tuple[str, ...]:
    several = _several(connections)
    return (
        "server",
        *(f"{count} connection{'s' * (count > 1)}" for count in connections),
        *(f"× plain, at {count}" for count in several),
        *(f"of the limit, at {count}" for count in several),
        f"median time at {min(connections)}, ms",
        f"99th percentile at {max(connections)}, ms",
        f"processor time per request at {several[0]}, µs",
    )


def _row(results: _Results, name: str, fastapi: str, limit: str, connections: Sequence[int]) -> tuple[Cell, ...]:
    """The figures of the server `name`, compared with those of the servers `fastapi` and `limit`."""
    several = _several(connections)

    def ratio(other: str, count: int) -> float:
        pairs = zip(results[name, count], results[other, count], strict=True)
        return median([ours.requests_per_second / theirs.requests_per_second for ours, theirs in pairs])

    return (
        name,
        *(median([load.requests_per_second for load in results[name, count]]) for count in connections),
        *(ratio(fastapi, count) for count in several),
        *(f"{ratio(limit, count):.0%}" for count in several),
        median([load.p50_s for load in results[name, min(connections)]]) * 1e3,
        median([load.p99_s for load in results[name, max(connections)]]) * 1e3,
        median([load.cpu_s for load in results[name, several[0]]]) * 1e6,
    )


def _note(model: TrainedModel) -> str:
    manifest = model.bundle.manifest
    return (
        "`fasttrack serve` validates, looks for warnings and counts metrics. Plain is a typed pydantic body, "
        "`pd.DataFrame([row.model_dump()])` and `pipeline.predict` in a plain `def` endpoint. The limit sends a "
        "constant reply of the same length as that of `fasttrack serve`. These three run on Uvicorn with uvloop and "
        f"httptools. The model: {manifest.training.estimator}, {model.pipeline[-1].n_iter_} iterations on "
        f"{len(model.frame):,} flights, engine {manifest.engine}. wrk runs on the other processor and sends "
        f"{_REQUESTS} different rows in turn; meanwhile the other servers are suspended. Ratios are medians of the "
        "ratios within each round."
    )
