"""Rows of few and of many columns: over HTTP, and what validating and filling one costs by itself."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.contenders import plain, this_server
from benchmarks.plan import interleaved, middle
from benchmarks.questions import train
from benchmarks.report import Cell, Table
from benchmarks.servers import serving
from benchmarks.tables import WIDE_TARGET, wide
from benchmarks.wrk import Load, put_load
from fasttrack.contract.decode import Decoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.plan import Bench
    from benchmarks.questions import Question, Subject
    from benchmarks.servers import Running

__all__ = ["measure_widths"]

_QUESTIONS = 32
_CALLS = 200


def measure_widths(bench: Bench) -> Table:
    """Requests a second by number of columns, of a linear model. Every answer is checked first."""
    connections = bench.plan.connections[:2]
    rows: list[tuple[Cell, ...]] = []
    rounds: dict[str, list[float]] = {}
    for width in bench.plan.widths:
        subject = train(wide(width, bench.folder), WIDE_TARGET, "linear", bench.folder / f"wide-{width}")
        found = _measure(bench, subject, connections)
        rounds |= {f"{width}, {who}, {count}": values for (who, count), values in found.items()}
        most = connections[-1]
        ratios = [one / other for one, other in zip(found["ours", most], found["plain", most], strict=True)]
        rows.append(
            (
                str(width),
                *(middle(found["ours", count]) for count in connections),
                *(middle(found["plain", count]) for count in connections),
                middle(ratios),
                _decoding_s(subject) * 1e6,
            )
        )
    return Table(
        "widths",
        "Columns a row, one row a request, one core for the server: requests a second",
        (
            "columns",
            *(f"fasttrack serve, {count} connection{'s' * (count > 1)}" for count in connections),
            *(f"plain, {count}" for count in connections),
            f"× plain, at {connections[-1]}",
            "validating and filling, µs a row",
        ),
        rows,
        (
            "A linear model; a fifth of the columns are words, a twentieth of the numbers missing. Validating and "
            "filling: from the body's bytes to the matrix that the model takes, in process.",
        ),
        rounds,
    )


def _measure(bench: Bench, subject: Subject, connections: Sequence[int]) -> dict[tuple[str, int], list[float]]:
    questions = subject.questions(_QUESTIONS)
    rival = plain(subject, bench.folder, flights=False)
    with (
        serving(this_server(subject), questions[0], bench.cores.server) as ours,
        serving(rival, questions[0], bench.cores.server) as plainly,
    ):
        servers = {"ours": ours, "plain": plainly}
        for server in servers.values():
            server.check(questions)
        found = interleaved(
            {
                (who, count): partial(_load, bench, server, questions, count)
                for who, server in servers.items()
                for count in connections
            },
            bench.plan.rounds,
        )
    return {key: [load.per_second for load in loads] for key, loads in found.items()}


def _load(bench: Bench, server: Running, questions: Sequence[Question], connections: int) -> Load:
    bodies = [server.contender.body(question) for question in questions]
    return put_load(server, bodies, bench.cores.load, connections=connections, seconds=bench.plan.seconds)


def _decoding_s(subject: Subject) -> float:
    decoder = Decoder(subject.bundle.manifest.contract)
    bodies = [json.dumps(question.rows[0]).encode() for question in subject.questions(_QUESTIONS)]
    times = []
    for number in range(_CALLS):
        started = time.perf_counter()
        decoder.rows(bodies[number % len(bodies)])
        times.append(time.perf_counter() - started)
    return middle(times)
