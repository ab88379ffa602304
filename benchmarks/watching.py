"""What watching costs: requests a second with metrics, drift and journal on and off, and memory after many rows."""

from __future__ import annotations

import contextlib
import http.client
import threading
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.contenders import this_server, unwatched
from benchmarks.plan import interleaved, middle
from benchmarks.report import Table
from benchmarks.servers import Running, halted, serving
from benchmarks.wrk import Load, put_load
from fasttrack.errors import FastTrackError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.plan import Bench
    from benchmarks.questions import Question, Subject

__all__ = ["measure_memory", "measure_watching"]

_QUESTIONS = 64
_SCRAPE_SECONDS = 5.0
"""As monitoring/prometheus.yml has it."""
_BATCH = 10_000
_SETTLE_SECONDS = 30.0
_COUNTED = (
    "fasttrack_predictions_total",
    "fasttrack_journal_stored_rows_total",
    "fasttrack_journal_dropped_rows_total",
    "fasttrack_journal_backlog_rows",
)


def measure_watching(bench: Bench, subject: Subject) -> Table:
    """Requests a second of one row each, beside the same server without anything that watches."""
    plan, cores = bench.plan, bench.cores
    questions = subject.questions(_QUESTIONS)
    crowds = [count for count in plan.connections if count > 1]
    with ExitStack() as stack:
        servers = [
            stack.enter_context(serving(contender, questions[0], cores.server))
            for contender in (
                this_server(subject, journal=str(bench.folder / "watching.sqlite")),
                this_server(subject, journal="off"),
                unwatched(subject),
            )
        ]
        for server in servers:
            server.check(questions)
        work = {
            (server.contender.name, count): partial(_load, bench, server, servers, questions, count)
            for server in servers
            for count in crowds
        }
        for load in work.values():
            load()  # so each has been under load before it is timed
        found = interleaved(work, plan.rounds)
        told = _counted(servers[0])
    names = [server.contender.name for server in servers]
    bare = names[-1]

    def kept(name: str, count: int) -> float:
        pairs = zip(found[name, count], found[bare, count], strict=True)
        return middle([one.per_second / other.per_second for one, other in pairs])

    return Table(
        "watching",
        "What watching costs: one row by HTTP, one core for the server, requests a second",
        (
            "server",
            *(f"{count} connections" for count in crowds),
            *(f"of the unwatched, at {count}" for count in crowds),
            *(f"processor time a request at {count}, µs" for count in crowds),
        ),
        [
            (
                name,
                *(middle([load.per_second for load in found[name, count]]) for count in crowds),
                *(f"{kept(name, count):.1%}" for count in crowds),
                *(middle([load.busy_s for load in found[name, count]]) * 1e6 for count in crowds),
            )
            for name in names
        ],
        (
            f"Watched servers are scraped every {_SCRAPE_SECONDS:g} s. The journal is a SQLite file; of "
            f"{told['fasttrack_predictions_total']:,.0f} predictions it dropped "
            f"{told['fasttrack_journal_dropped_rows_total']:,.0f}. Ratios are medians of each round's own.",
        ),
        {f"{name}, {count}": [load.per_second for load in loads] for (name, count), loads in found.items()},
    )


def measure_memory(bench: Bench, subject: Subject) -> Table:
    """PSS of a server that watches everything, after few and after many rows.

    Raises FastTrackError when rows were neither stored, nor dropped, nor wait.
    """
    plan, cores = bench.plan, bench.cores
    question = subject.questions(1, rows=min(_BATCH, plan.few_rows))[0]
    contender = this_server(subject, form="columns", journal=str(bench.folder / "memory.sqlite"))
    rows: list[tuple[str, float, float, float]] = []
    with serving(contender, question, cores.server) as server:
        body = contender.body(question)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        made = len(question.rows)  # the first answer
        for goal in (plan.few_rows, plan.many_rows // 10, plan.many_rows):
            while made < goal:
                connection.request("POST", contender.path, body)
                reply = connection.getresponse()
                if reply.read(1) != b"{" or reply.status != 200:
                    raise FastTrackError(f"{contender.name} answered {reply.status} after {made:,} rows")
                reply.read()
                made += len(question.rows)
            told = _settled(server)
            kept = sum(told[name] for name in _COUNTED[1:])
            if not made == told[_COUNTED[0]] == kept:
                raise FastTrackError(f"{made:,} rows were predicted, counted and recorded as {told}")
            rows.append((f"{made:,} rows", server.pss_bytes() / 1e6, told[_COUNTED[1]], told[_COUNTED[2]]))
        connection.close()
    return Table(
        "watching_memory",
        "Memory with everything watched",
        ("after", "PSS, MB", "in the journal", "dropped"),
        list(rows),
        (
            f"By HTTP in requests of {len(question.rows):,} rows, as fast as they are answered. PSS: a shared page is "
            "divided among the processes that share it.",
        ),
        {name: [megabytes] for name, megabytes, _, _ in rows},
    )


def _settled(server: Running) -> dict[str, float]:
    """What became of the predictions, once none of them waits for the journal."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while (told := _counted(server))[_COUNTED[3]] and time.monotonic() < deadline:
        time.sleep(0.2)
    return told


def _load(
    bench: Bench, server: Running, servers: Sequence[Running], questions: Sequence[Question], connections: int
) -> Load:
    bodies = [server.contender.body(question) for question in questions]
    with halted([other for other in servers if other is not server]), _scraped(server):
        return put_load(server, bodies, bench.cores.load, connections=connections, seconds=bench.plan.seconds)


@contextmanager
def _scraped(server: Running) -> Iterator[None]:
    """Prometheus' part, from the beginning on."""
    over = threading.Event()

    def scrape() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError):
                _exposition(server)
            over.wait(_SCRAPE_SECONDS)

    scraping = threading.Thread(target=scrape)
    scraping.start()
    try:
        yield
    finally:
        over.set()
        scraping.join()


def _exposition(server: Running) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=60) as reply:
        text: str = reply.read().decode()
    return text


def _counted(server: Running) -> dict[str, float]:
    """The sums of the series that say what became of predictions."""
    found = dict.fromkeys(_COUNTED, 0.0)
    for line in _exposition(server).splitlines():
        name = line.partition("{")[0].partition(" ")[0]
        if name in found:
            found[name] += float(line.rpartition(" ")[2])
    return found
