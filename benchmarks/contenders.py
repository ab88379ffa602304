"""The contenders: this server, the same pipeline in plain FastAPI, and an upper limit; see also `other_servers`."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.apps.echo import REPLY_BYTES
from benchmarks.apps.request_model import COLUMNS, PIPELINE
from benchmarks.servers import Contender

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.trained_model import PredictionRequest, TrainedModel

__all__ = ["echo_server", "fastapi_server", "fasttrack_server", "other_build", "unmonitored_server"]

_SCRIPTS = Path(sys.executable).parent


def fasttrack_server(model: TrainedModel, *, form: str = "row", journal: str | None = None) -> Contender:
    """`fasttrack serve` with everything it does: validation, warnings, metrics.

    `form`: send a request as row, rows or columns. `journal`: where predictions are recorded, or `off`; by default in
    the store.
    """

    def command(port: int) -> Sequence[str | Path]:
        options = ("--model", model.bundle.label, *(() if journal is None else ("--journal", journal)))
        return [_SCRIPTS / "fasttrack", "serve", "--store", model.store, *options, "--port", str(port)]

    name = "fasttrack serve" + (", columns" if form == "columns" else "")
    return Contender(name + (" --journal off" if journal == "off" else ""), command, "/predict", _BODIES[form])


def other_build(model: TrainedModel, checkout: Path, folder: Path) -> Contender:
    """`fasttrack serve` of another checkout, which has its own `.venv`; its journal is in `folder`."""

    def command(port: int) -> Sequence[str | Path]:
        options = ("--store", model.store, "--model", model.bundle.label, "--journal", folder / "other-build.sqlite")
        return [checkout.resolve() / ".venv" / "bin" / "fasttrack", "serve", *options, "--port", str(port)]

    return Contender(f"fasttrack serve of {checkout.resolve().name}", command, "/predict", _one_row)


def unmonitored_server(model: TrainedModel) -> Contender:
    """The same server without metrics, drift and journal."""

    def command(port: int) -> Sequence[str | Path]:
        script = (sys.executable, "-m", "benchmarks.apps.unmonitored")
        return [*script, "--store", model.store, "--model", model.bundle.label, "--port", str(port)]

    return Contender("fasttrack serve without monitoring", command, "/predict", _one_row)


def fastapi_server(model: TrainedModel, folder: Path, *, form: str = "row", flights: bool = True) -> Contender:
    """Plain FastAPI. For a table other than flights, the types of its columns are written to `folder`."""
    env = {PIPELINE: str(model.joblib_file)}
    if not flights:
        columns = model.bundle.manifest.contract.columns
        kinds = {column.name: "text" if column.kind in ("category", "text") else "number" for column in columns}
        description = folder / f"{model.bundle.manifest.name}-{len(kinds)}-columns.json"
        description.write_text(json.dumps(kinds))
        env[COLUMNS] = str(description)
    path = "/predict" if form == "row" else "/predict/rows"
    return Contender(
        "FastAPI + joblib + DataFrame", partial(_uvicorn, "benchmarks.apps.plain:app"), path, _BODIES[form], env
    )


def echo_server(reply_bytes: int) -> Contender:
    """A bare ASGI app on Uvicorn, whose reply is `reply_bytes` long: the cost of HTTP in Python alone."""
    env = {REPLY_BYTES: str(reply_bytes)}
    return Contender(
        "bare ASGI echo (upper limit)",
        partial(_uvicorn, "benchmarks.apps.echo:app"),
        "/predict",
        _one_row,
        env,
        predicts=False,
    )


def _uvicorn(app: str, port: int) -> Sequence[str | Path]:
    quiet = ("--no-access-log", "--log-level", "warning")
    return [sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port), *quiet]


def _one_row(request: PredictionRequest) -> bytes:
    return json.dumps(request.rows[0]).encode()


def _many_rows(request: PredictionRequest) -> bytes:
    return json.dumps(request.rows).encode()


def _columns(request: PredictionRequest) -> bytes:
    return json.dumps({"columns": {name: [row[name] for row in request.rows] for name in request.rows[0]}}).encode()


_BODIES: dict[str, Callable[[PredictionRequest], bytes]] = {"row": _one_row, "rows": _many_rows, "columns": _columns}
