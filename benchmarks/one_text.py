"""One text per request over HTTP: TF-IDF and a linear model, by this server and in plain FastAPI."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.contenders import fastapi_server, fasttrack_server
from benchmarks.datasets import TEXT_TARGETS, write_texts
from benchmarks.results import Cell, ResultTable
from benchmarks.servers import pause_servers, run_server
from benchmarks.trained_model import train_model
from benchmarks.workload import median, run_interleaved
from benchmarks.wrk import LoadResult, run_load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.servers import RunningServer
    from benchmarks.trained_model import PredictionRequest, TrainedModel
    from benchmarks.workload import Bench

__all__ = ["measure_one_text"]

_REQUESTS = 64
_SERVERS = ("fasttrack", "plain")


def measure_one_text(bench: Bench) -> ResultTable:
    """Requests per second by model. All predictions are checked before and after."""
    connections = bench.workload.connections[:2]
    rows: list[tuple[Cell, ...]] = []
    rounds: dict[str, list[float]] = {}
    for estimator, target in TEXT_TARGETS.items():
        table = write_texts(bench.folder, target, rows=bench.workload.texts)
        model = train_model(table, target, f"estimators:{estimator}", bench.folder / "texts")
        results = _measure(bench, model, connections)
        speeds = {key: [load.requests_per_second for load in loads] for key, loads in results.items()}
        rounds |= {f"{estimator}, {server}, {count}": values for (server, count), values in speeds.items()}
        ratios = [
            median([a / b for a, b in zip(speeds["fasttrack", count], speeds["plain", count], strict=True)])
            for count in connections
        ]
        medians = [median(speeds[server, count]) for server in _SERVERS for count in connections]
        busy = [median([load.cpu_s for load in results[server, connections[-1]]]) * 1e6 for server in _SERVERS]
        terms = len(model.pipeline[0].named_transformers_["terms"].vocabulary_)
        rows.append((estimator, terms, model.bundle.manifest.engine, *medians, *ratios, *busy))
    return ResultTable(
        "one_text",
        "One text per request over HTTP, one processor for the server: requests per second",
        (
            "model",
            "terms",
            "engine",
            *(f"fasttrack serve, {count} connection{'s' * (count > 1)}" for count in connections),
            *(f"plain, {count}" for count in connections),
            *(f"× plain, at {count}" for count in connections),
            f"processor time per request at {connections[-1]}, µs",
            "of plain, µs",
        ),
        rows,
        (
            f"A column of {bench.workload.texts:,} generated texts of 25 words on average. Plain is a typed pydantic "
            "body, `pd.DataFrame([row.model_dump()])` and `pipeline.predict` in a plain `def` endpoint.",
        ),
        rounds,
    )


def _measure(bench: Bench, model: TrainedModel, connections: Sequence[int]) -> dict[tuple[str, int], list[LoadResult]]:
    """The result of each round, by server and number of connections."""
    requests = model.requests(_REQUESTS)
    plain = fastapi_server(model, bench.folder, flights=False)
    with (
        run_server(fasttrack_server(model), requests[0], bench.processors.server) as fasttrack,
        run_server(plain, requests[0], bench.processors.server) as fastapi,
    ):
        servers = dict(zip(_SERVERS, (fasttrack, fastapi), strict=True))
        for server in servers.values():
            server.check(requests)
        results = run_interleaved(
            {
                (name, count): partial(_measure_load, bench, server, [*servers.values()], requests, count)
                for name, server in servers.items()
                for count in connections
            },
            bench.workload.rounds,
        )
        for server in servers.values():
            server.check(requests)
    return results


def _measure_load(
    bench: Bench,
    server: RunningServer,
    servers: Sequence[RunningServer],
    requests: Sequence[PredictionRequest],
    connections: int,
) -> LoadResult:
    bodies = [server.contender.body(request) for request in requests]
    with pause_servers([other for other in servers if other is not server]):
        return run_load(server, bodies, bench.processors.load, connections=connections, seconds=bench.workload.seconds)
