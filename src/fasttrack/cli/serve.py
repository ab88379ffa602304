"""`fasttrack serve`: serve a model over HTTP."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from fasttrack.cli.options import JournalOption, ModelOption, StoreOption

__all__ = ["serve"]


def serve(
    store: StoreOption = "model",
    model: ModelOption = None,
    host: Annotated[str, typer.Option(help="The address to listen on.", metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="The port to listen on; 0 takes a free one.", min=0, max=65535, metavar="PORT")
    ] = 8000,
    workers: Annotated[int, typer.Option(help="Server processes. Their metrics are summed.", min=1, metavar="N")] = 1,
    journal: JournalOption = "on",
    access_log: Annotated[
        bool, typer.Option("--access-log", help="Log each request, without its query string.")
    ] = False,
) -> None:
    """Serve a model over HTTP. The server follows promotions and rollbacks without losing a request."""
    from fasttrack.serving.run import run as run_server
    from fasttrack.settings import Settings

    environment = {**os.environ, "FASTTRACK_STORE": store, "FASTTRACK_JOURNAL": journal}
    if model is not None:
        environment["FASTTRACK_MODEL"] = model
    run_server(Settings.from_environment(environment), host=host, port=port, workers=workers, access_log=access_log)
