"""Many rows per request over HTTP, sent as rows and as columns, compared with plain FastAPI."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.contenders import fastapi_server, fasttrack_server
from benchmarks.results import Cell, ResultTable
from benchmarks.servers import run_server
from benchmarks.workload import median, run_interleaved
from benchmarks.wrk import run_load

if TYPE_CHECKING:
    from benchmarks.servers import Contender, RunningServer
    from benchmarks.trained_model import PredictionRequest, TrainedModel
    from benchmarks.workload import Bench

__all__ = ["measure_rows_per_request"]

_TOTAL_ROWS = 40_000
"""Of all different requests of one size."""


def measure_rows_per_request(bench: Bench, model: TrainedModel) -> ResultTable:
    """Rows per second by rows per request, over one connection. All predictions are checked first."""
    workload, processors = bench.workload, bench.processors
    by_size = {
        size: model.requests(min(64, max(2, _TOTAL_ROWS // size)), rows=size) for size in workload.rows_per_request
    }
    first = model.requests(1)[0]
    with (
        run_server(fasttrack_server(model), first, processors.server) as fasttrack,
        run_server(fastapi_server(model, bench.folder), first, processors.server) as fastapi,
    ):
        work = {}
        for size, requests in by_size.items():
            form = "row" if size == 1 else "rows"
            work[size, "rows"] = _measurement(bench, fasttrack, fasttrack_server(model, form=form), requests)
            work[size, "columns"] = _measurement(bench, fasttrack, fasttrack_server(model, form="columns"), requests)
            work[size, "plain"] = _measurement(bench, fastapi, fastapi_server(model, bench.folder, form=form), requests)
        results = run_interleaved(work, workload.rounds)
    rows: list[tuple[Cell, ...]] = []
    for size in by_size:
        as_rows, as_columns, plain = (results[size, form] for form in ("rows", "columns", "plain"))
        ratio = median([ours / theirs for ours, theirs in zip(as_rows, plain, strict=True)])
        rows.append((f"{size:,}", median(as_rows), median(as_columns), median(plain), ratio))
    return ResultTable(
        "many_rows",
        "Many rows per request, one connection, one processor for the server: rows per second",
        ("rows per request", "fasttrack serve, rows", "fasttrack serve, columns", "plain", "rows × plain"),
        rows,
        (
            "Rows divided by the median time of a request. "
            "Plain reads `list[Row]` into one DataFrame and predicts once.",
        ),
        {f"{size}, {form}": values for (size, form), values in results.items()},
    )


def _measurement(
    bench: Bench, server: RunningServer, form: Contender, requests: list[PredictionRequest]
) -> partial[float]:
    """Check the server's predictions for requests in this form. Returns a function that measures one round."""
    server = replace(server, contender=form)
    server.check(requests)
    bodies = [form.body(request) for request in requests]
    return partial(_rows_per_second, bench, server, bodies, len(requests[0].rows))


def _rows_per_second(bench: Bench, server: RunningServer, bodies: list[bytes], rows: int) -> float:
    load = run_load(server, bodies, bench.processors.load, connections=1, seconds=bench.workload.seconds)
    return rows / load.p50_s
