"""What a server costs before it earns anything: its start, its memory, its image."""

from __future__ import annotations

import shutil
import subprocess
import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.contenders import plain, this_server
from benchmarks.machine import on_core
from benchmarks.plan import interleaved, middle
from benchmarks.report import Cell, Table
from benchmarks.servers import Contender, serving
from benchmarks.wrk import put_load
from fasttrack.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.plan import Bench
    from benchmarks.questions import Question, Subject

__all__ = ["image_bytes", "measure_footprint"]

_MB = 1e6


def measure_footprint(bench: Bench, subject: Subject, others: Sequence[Contender], image: int | None) -> Table:
    """Seconds from the start of the process to its first right answer, and PSS then and after load. `image`: bytes."""
    contenders = [this_server(subject), plain(subject, bench.folder), *others]
    questions = subject.questions(64)
    for contender in contenders:  # byte code written, files in the page cache: the same for all
        _start(bench, contender, questions, load=False)
    found = interleaved(
        {contender.name: partial(_start, bench, contender, questions, load=True) for contender in contenders},
        bench.plan.starts,
    )
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            middle([start for start, _, _ in values]),
            middle([first for _, first, _ in values]) / _MB,
            middle([loaded for _, _, loaded in values]) / _MB,
            image / _MB if image is not None and name == contenders[0].name else None,
        )
        for name, values in found.items()
    ]
    return Table(
        "footprint",
        "Cold start and memory, one core",
        (
            "server",
            "process start to first right answer, s",
            "PSS then, MB",
            "PSS after load, MB",
            "image, MB",
        ),
        rows,
        (
            "Files in the page cache, byte code compiled. PSS: all of a server's processes, a shared page divided "
            "among those that share it. The image is the container's, uncompressed, as its engine reports it.",
        ),
        {
            f"{name}, {what}": [value[index] for value in values]
            for name, values in found.items()
            for index, what in enumerate(("start", "first", "loaded"))
        },
    )


def _start(
    bench: Bench, contender: Contender, questions: Sequence[Question], *, load: bool
) -> tuple[float, float, float]:
    """Seconds to the first right answer; bytes then; bytes after a round of load."""
    with on_core(bench.cores.load), serving(contender, questions[0], bench.cores.server) as server:
        seconds = time.perf_counter() - server.started
        first = server.pss_bytes()
        if load:
            bodies = [contender.body(question) for question in questions]
            most = max(bench.plan.connections)
            put_load(server, bodies, bench.cores.load, connections=most, seconds=bench.plan.seconds)
            server.check(questions)
        return seconds, float(first), float(server.pss_bytes())


def image_bytes(reference: str) -> int:
    """The size of a container image that docker or podman has. Raises ConfigError when neither has it."""
    for engine in ("docker", "podman"):
        if shutil.which(engine):
            command = [engine, "image", "inspect", "--format", "{{.Size}}", reference]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode == 0:
                return int(done.stdout)
    raise ConfigError(f"neither docker nor podman has an image {reference}; build it first: make image")
