"""A real server in a thread of the test process."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn

from fasttrack.serving.app import create_app
from fasttrack.serving.http.wire import Wire
from fasttrack.serving.runtime import Runtime
from fasttrack.serving.service import Service
from fasttrack.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["run_app", "serving"]


@contextmanager
def serving(store: Path, *, http: Any = "httptools", keep_alive_s: int = 5, **settings: Any) -> Iterator[httpx.Client]:
    """A client of a Uvicorn server that serves `store`; both are stopped at the end.

    With `http=Wire` it is what `fasttrack serve` runs, else what `uvicorn api.app:app` does.
    """
    of_store = Settings(store=str(store), **({"journal": "off"} | settings))
    app = Service(Runtime(of_store)) if http is Wire else create_app(of_store)
    with run_app(app, http=http, keep_alive_s=keep_alive_s) as client:
        yield client


@contextmanager
def run_app(
    app: Any, *, http: Any = "httptools", keep_alive_s: int = 5, access_log: bool = False
) -> Iterator[httpx.Client]:
    """A client of a Uvicorn server that runs `app`; both are stopped at the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    log_level = "info" if access_log else "error"
    config = uvicorn.Config(app, log_level=log_level, http=http, access_log=access_log, timeout_keep_alive=keep_alive_s)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=30) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()
