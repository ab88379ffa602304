"""Many rows a request over HTTP, as rows and as columns, beside plain FastAPI."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.contenders import plain, this_server
from benchmarks.plan import interleaved, middle
from benchmarks.report import Cell, Table
from benchmarks.servers import serving
from benchmarks.wrk import put_load

if TYPE_CHECKING:
    from benchmarks.plan import Bench
    from benchmarks.questions import Question, Subject
    from benchmarks.servers import Contender, Running

__all__ = ["measure_many_rows"]

_ROWS = 40_000
"""In all the different questions of a size together."""


def measure_many_rows(bench: Bench, subject: Subject) -> Table:
    """Rows a second by rows a request, over one connection. Every answer is checked first."""
    plan = bench.plan
    sizes = {size: subject.questions(min(64, max(2, _ROWS // size)), rows=size) for size in plan.rows_a_request}
    first = subject.questions(1)[0]
    with (
        serving(this_server(subject), first, bench.cores.server) as ours,
        serving(plain(subject, bench.folder), first, bench.cores.server) as rival,
    ):
        work = {}
        for size, questions in sizes.items():
            form = "row" if size == 1 else "rows"
            work[size, "rows"] = _prepared(bench, ours, this_server(subject, form=form), questions)
            work[size, "columns"] = _prepared(bench, ours, this_server(subject, form="columns"), questions)
            work[size, "plain"] = _prepared(bench, rival, plain(subject, bench.folder, form=form), questions)
        found = interleaved(work, plan.rounds)
    rows: list[tuple[Cell, ...]] = []
    for size in sizes:
        by_rows, by_columns, plainly = (found[size, form] for form in ("rows", "columns", "plain"))
        ratio = middle([one / another for one, another in zip(by_rows, plainly, strict=True)])
        rows.append((f"{size:,}", middle(by_rows), middle(by_columns), middle(plainly), ratio))
    return Table(
        "many_rows",
        "Many rows a request, one connection, one core for the server: rows a second",
        ("rows a request", "fasttrack serve, rows", "fasttrack serve, columns", "plain", "rows × plain"),
        rows,
        (
            "Rows divided by the median time of a request. "
            "Plain reads `list[Row]` into one DataFrame and predicts once.",
        ),
        {f"{size}, {form}": values for (size, form), values in found.items()},
    )


def _prepared(bench: Bench, server: Running, form: Contender, questions: list[Question]) -> partial[float]:
    """Check the server's answers in this form; what is returned measures a round of it in rows a second."""
    asked = replace(server, contender=form)
    asked.check(questions)
    bodies = [form.body(question) for question in questions]
    return partial(_rows_a_second, bench, asked, bodies, len(questions[0].rows))


def _rows_a_second(bench: Bench, asked: Running, bodies: list[bytes], rows: int) -> float:
    load = put_load(asked, bodies, bench.cores.load, connections=1, seconds=bench.plan.seconds)
    return rows / load.p50_s
