"""One row a request over HTTP: this server, plain FastAPI, other servers, and the limit."""

from __future__ import annotations

import math
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.contenders import echo, plain, this_server
from benchmarks.plan import interleaved, middle
from benchmarks.report import Cell, Table
from benchmarks.servers import Contender, Running, halted, serving
from benchmarks.wrk import Load, put_load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.plan import Bench
    from benchmarks.questions import Question, Subject

__all__ = ["measure_one_row"]

_QUESTIONS = 64
_TURNS = 20
"""Answers a connection in a round, at least: those under way at its end do not count, which wrongs slow servers."""


def measure_one_row(bench: Bench, subject: Subject, others: Sequence[Contender]) -> Table:
    """Requests a second by server and number of connections. Every answer is checked before and after."""
    plan, cores = bench.plan, bench.cores
    few, many = min(plan.connections), max(plan.connections)
    crowds = [count for count in plan.connections if count > 1]
    questions = subject.questions(_QUESTIONS)
    with ExitStack() as stack:

        def start(contender: Contender) -> Running:
            return stack.enter_context(serving(contender, questions[0], cores.server))

        ours = start(this_server(subject))
        rival = start(plain(subject, bench.folder))
        limit = start(echo(len(ours.ask(questions[0]))))
        servers = [ours, rival, limit, *map(start, others)]
        _check(servers, questions)
        work = {}
        for server in servers:
            load = partial(_load, bench, server, servers, questions)
            speed = load(crowds[0], plan.seconds).per_second  # so each has been under load before it is timed
            for count in plan.connections:
                seconds = max(plan.seconds, math.ceil(_TURNS * count / speed))
                work[server.contender.name, count] = partial(load, count, seconds)
        found = interleaved(work, plan.rounds)
        _check(servers, questions)
    return Table(
        "one_row",
        "One row by HTTP, one core for the server: requests a second",
        (
            "server",
            *(f"{count} connection{'s' * (count > 1)}" for count in plan.connections),
            *(f"× plain, at {count}" for count in crowds),
            *(f"of the limit, at {count}" for count in crowds),
            f"median time at {few}, ms",
            f"99 % within, at {many}, ms",
            f"processor time a request at {crowds[0]}, µs",
        ),
        [
            _row(found, server.contender.name, rival.contender.name, limit.contender.name, plan.connections, crowds)
            for server in servers
        ],
        (_note(subject),),
        {f"{name}, {connections}": [load.per_second for load in loads] for (name, connections), loads in found.items()},
    )


def _note(subject: Subject) -> str:
    manifest = subject.bundle.manifest
    return (
        "`fasttrack serve` validates, looks for warnings and counts metrics; plain is a typed pydantic body, "
        "`pd.DataFrame([row.model_dump()])` and `pipeline.predict` in a plain `def` endpoint; the limit answers with "
        "bytes that it has already, as many as `fasttrack serve`. These three on Uvicorn with uvloop and httptools. "
        f"The model: {manifest.training.estimator}, {subject.pipeline[-1].n_iter_} iterations on "
        f"{len(subject.frame):,} flights, engine {manifest.engine}. wrk on the other core, {_QUESTIONS} different rows "
        "in turn; the other servers are halted meanwhile. Ratios are medians of each round's own."
    )


def _check(servers: Sequence[Running], questions: Sequence[Question]) -> None:
    for server in servers:
        server.check(questions)


def _load(
    bench: Bench,
    server: Running,
    servers: Sequence[Running],
    questions: Sequence[Question],
    connections: int,
    seconds: int,
) -> Load:
    bodies = [server.contender.body(question) for question in questions]
    with halted([other for other in servers if other is not server]):
        return put_load(server, bodies, bench.cores.load, connections=connections, seconds=seconds)


def _row(
    found: dict[tuple[str, int], list[Load]],
    name: str,
    rival: str,
    limit: str,
    connections: Sequence[int],
    crowds: Sequence[int],
) -> tuple[Cell, ...]:
    def ratio(other: str, count: int) -> float:
        pairs = zip(found[name, count], found[other, count], strict=True)
        return middle([one.per_second / another.per_second for one, another in pairs])

    return (
        name,
        *(middle([load.per_second for load in found[name, count]]) for count in connections),
        *(ratio(rival, count) for count in crowds),
        *(f"{ratio(limit, count):.0%}" for count in crowds),
        middle([load.p50_s for load in found[name, min(connections)]]) * 1e3,
        middle([load.p99_s for load in found[name, max(connections)]]) * 1e3,
        middle([load.busy_s for load in found[name, crowds[0]]]) * 1e6,
    )
