"""The fixed cost of a server: the time of its start, its memory, the size of its image."""

from __future__ import annotations

import shutil
import subprocess
import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.contenders import fastapi_server, fasttrack_server
from benchmarks.processors import pin_to_processor
from benchmarks.results import Cell, ResultTable
from benchmarks.servers import Contender, run_server
from benchmarks.workload import median, run_interleaved
from benchmarks.wrk import run_load
from fasttrack.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.trained_model import PredictionRequest, TrainedModel
    from benchmarks.workload import Bench

__all__ = ["image_bytes", "measure_footprint"]

_MB = 1e6


def measure_footprint(bench: Bench, model: TrainedModel, others: Sequence[Contender], image: int | None) -> ResultTable:
    """Seconds from the process start to the first correct prediction, and PSS then and after load.

    `image`: the size of the container image in bytes.
    """
    contenders = [fasttrack_server(model), fastapi_server(model, bench.folder), *others]
    requests = model.requests(64)
    for contender in contenders:  # the same conditions for all: byte code compiled, files in the page cache
        _measure_start(bench, contender, requests, load=False)
    results = run_interleaved(
        {contender.name: partial(_measure_start, bench, contender, requests, load=True) for contender in contenders},
        bench.workload.starts,
    )
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            median([seconds for seconds, _, _ in values]),
            median([started for _, started, _ in values]) / _MB,
            median([loaded for _, _, loaded in values]) / _MB,
            image / _MB if image is not None and name == contenders[0].name else None,
        )
        for name, values in results.items()
    ]
    return ResultTable(
        "footprint",
        "Cold start and memory, on one processor",
        (
            "server",
            "process start to first correct prediction, s",
            "PSS after start, MB",
            "PSS after load, MB",
            "image, MB",
        ),
        rows,
        (
            "Files are in the page cache, byte code is compiled. PSS: of all processes of a server; a shared page is "
            "divided among the processes that share it. The image is the container's, uncompressed, as its engine "
            "reports it.",
        ),
        {
            f"{name}, {what}": [value[index] for value in values]
            for name, values in results.items()
            for index, what in enumerate(("start", "first", "loaded"))
        },
    )


def _measure_start(
    bench: Bench, contender: Contender, requests: Sequence[PredictionRequest], *, load: bool
) -> tuple[float, float, float]:
    """Seconds to the first correct prediction; PSS in bytes then; PSS after a round of load."""
    processors = bench.processors
    with pin_to_processor(processors.load), run_server(contender, requests[0], processors.server) as server:
        seconds = time.perf_counter() - server.started
        started = server.pss_bytes()
        if load:
            bodies = [contender.body(request) for request in requests]
            connections = max(bench.workload.connections)
            run_load(server, bodies, processors.load, connections=connections, seconds=bench.workload.seconds)
            server.check(requests)
        return seconds, float(started), float(server.pss_bytes())


def image_bytes(reference: str) -> int:
    """The size of a local container image. Raises ConfigError if neither docker nor podman has it."""
    for engine in ("docker", "podman"):
        if shutil.which(engine):
            command = [engine, "image", "inspect", "--format", "{{.Size}}", reference]
            process = subprocess.run(command, capture_output=True, text=True)
            if process.returncode == 0:
                return int(process.stdout)
    raise ConfigError(f"neither docker nor podman has an image {reference}; build it first: make image")
