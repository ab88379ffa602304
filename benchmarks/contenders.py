"""Who is measured: this server, the same pipeline in plain FastAPI, the limit, and other servers where installed."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.apps.echo import REPLY_BYTES
from benchmarks.apps.rows import COLUMNS, PIPELINE
from benchmarks.servers import Contender

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.questions import Question, Subject

__all__ = ["echo", "plain", "this_server", "unwatched"]

_SCRIPTS = Path(sys.executable).parent


def this_server(subject: Subject, *, form: str = "row", journal: str | None = None) -> Contender:
    """`fasttrack serve` with all it does: validation, warnings, metrics. `form`: row, rows or columns.

    `journal`: where predictions are recorded, or `off`; else in the store.
    """

    def command(port: int) -> Sequence[str | Path]:
        model = ("--model", subject.bundle.label, *(() if journal is None else ("--journal", journal)))
        return [_SCRIPTS / "fasttrack", "serve", "--store", subject.store, *model, "--port", str(port)]

    name = "fasttrack serve" + (", columns" if form == "columns" else "")
    return Contender(name + (" --journal off" if journal == "off" else ""), command, "/predict", _BODIES[form])


def unwatched(subject: Subject) -> Contender:
    """The same server without metrics, drift and journal."""

    def command(port: int) -> Sequence[str | Path]:
        model = ("--model", subject.bundle.label)
        script = (sys.executable, "-m", "benchmarks.apps.unwatched")
        return [*script, "--store", subject.store, *model, "--port", str(port)]

    return Contender("the same, unwatched", command, "/predict", _one_row)


def plain(subject: Subject, folder: Path, *, form: str = "row", flights: bool = True) -> Contender:
    """Plain FastAPI; of a table other than flights the columns' types are written to `folder`."""
    env = {PIPELINE: str(subject.joblib)}
    if not flights:
        kinds = {c.name: "text" if c.kind == "category" else "number" for c in subject.bundle.manifest.contract.columns}
        description = folder / f"{subject.bundle.manifest.name}-{len(kinds)}-columns.json"
        description.write_text(json.dumps(kinds))
        env[COLUMNS] = str(description)
    path = "/predict" if form == "row" else "/predict/rows"
    return Contender(
        "FastAPI + joblib + DataFrame", partial(_uvicorn, "benchmarks.apps.plain:app"), path, _BODIES[form], env
    )


def echo(reply_bytes: int) -> Contender:
    """A bare ASGI app whose reply is `reply_bytes` long, on Uvicorn: what HTTP in Python costs by itself."""
    env = {REPLY_BYTES: str(reply_bytes)}
    return Contender(
        "bare ASGI echo (the limit)",
        partial(_uvicorn, "benchmarks.apps.echo:app"),
        "/predict",
        _one_row,
        env,
        checks=False,
    )


def _uvicorn(app: str, port: int) -> Sequence[str | Path]:
    quiet = ("--no-access-log", "--log-level", "warning")
    return [sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port), *quiet]


def _one_row(question: Question) -> bytes:
    return json.dumps(question.rows[0]).encode()


def _many_rows(question: Question) -> bytes:
    return json.dumps(question.rows).encode()


def _columns(question: Question) -> bytes:
    return json.dumps({"columns": {name: [row[name] for row in question.rows] for name in question.rows[0]}}).encode()


_BODIES: dict[str, Callable[[Question], bytes]] = {"row": _one_row, "rows": _many_rows, "columns": _columns}
