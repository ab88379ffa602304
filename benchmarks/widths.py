"""Tables with few and with many columns: requests per second over HTTP, and the time to decode one row."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.contenders import fastapi_server, fasttrack_server
from benchmarks.datasets import WIDE_TARGET, write_wide_table
from benchmarks.results import Cell, ResultTable
from benchmarks.servers import run_server
from benchmarks.trained_model import train_model
from benchmarks.workload import median, run_interleaved
from benchmarks.wrk import LoadResult, run_load
from fasttrack.contract.decode import Decoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.servers import RunningServer
    from benchmarks.trained_model import PredictionRequest, TrainedModel
    from benchmarks.workload import Bench

__all__ = ["measure_widths"]

_REQUESTS = 32
_CALLS = 200


def measure_widths(bench: Bench) -> ResultTable:
    """Requests per second by number of columns, with a linear model. All predictions are checked first."""
    connections = bench.workload.connections[:2]
    rows: list[tuple[Cell, ...]] = []
    rounds: dict[str, list[float]] = {}
    for width in bench.workload.widths:
        table = write_wide_table(width, bench.folder)
        model = train_model(table, WIDE_TARGET, "linear", bench.folder / f"wide-{width}")
        results = _measure_width(bench, model, connections)
        rounds |= {f"{width}, {server}, {count}": values for (server, count), values in results.items()}
        pairs = zip(results["fasttrack", connections[-1]], results["plain", connections[-1]], strict=True)
        rows.append(
            (
                str(width),
                *(median(results["fasttrack", count]) for count in connections),
                *(median(results["plain", count]) for count in connections),
                median([ours / theirs for ours, theirs in pairs]),
                _decoding_seconds(model) * 1e6,
            )
        )
    return ResultTable(
        "widths",
        "Columns per row, one row per request, one processor for the server: requests per second",
        (
            "columns",
            *(f"fasttrack serve, {count} connection{'s' * (count > 1)}" for count in connections),
            *(f"plain, {count}" for count in connections),
            f"× plain, at {connections[-1]}",
            "decoding, µs per row",
        ),
        rows,
        (
            "A linear model; a fifth of the columns is text, a twentieth of the numbers is missing. Decoding: from the "
            "bytes of the body to the validated matrix that is the model's input, in process.",
        ),
        rounds,
    )


def _measure_width(bench: Bench, model: TrainedModel, connections: Sequence[int]) -> dict[tuple[str, int], list[float]]:
    """Requests per second in each round, by server and number of connections."""
    requests = model.requests(_REQUESTS)
    plain = fastapi_server(model, bench.folder, flights=False)
    with (
        run_server(fasttrack_server(model), requests[0], bench.processors.server) as fasttrack,
        run_server(plain, requests[0], bench.processors.server) as fastapi,
    ):
        servers = {"fasttrack": fasttrack, "plain": fastapi}
        for server in servers.values():
            server.check(requests)
        results = run_interleaved(
            {
                (name, count): partial(_measure_load, bench, server, requests, count)
                for name, server in servers.items()
                for count in connections
            },
            bench.workload.rounds,
        )
    return {key: [load.requests_per_second for load in loads] for key, loads in results.items()}


def _measure_load(
    bench: Bench, server: RunningServer, requests: Sequence[PredictionRequest], connections: int
) -> LoadResult:
    bodies = [server.contender.body(request) for request in requests]
    return run_load(server, bodies, bench.processors.load, connections=connections, seconds=bench.workload.seconds)


def _decoding_seconds(model: TrainedModel) -> float:
    """The median time to decode the body of a request of one row."""
    decoder = Decoder(model.bundle.manifest.contract)
    bodies = [json.dumps(request.rows[0]).encode() for request in model.requests(_REQUESTS)]
    seconds = []
    for number in range(_CALLS):
        started = time.perf_counter()
        decoder.rows(bodies[number % len(bodies)])
        seconds.append(time.perf_counter() - started)
    return median(seconds)
