"""Run the app under Uvicorn, after printing its address and how to try it."""

from __future__ import annotations

import copy
import ctypes
import os
import shlex
import signal
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
import uvicorn
import uvicorn.config
from uvicorn.supervisors import Multiprocess

from fasttrack.contract.openapi import example_row, is_wide
from fasttrack.contract.published import published_range
from fasttrack.errors import ConfigError
from fasttrack.serving.http.wire import Wire
from fasttrack.serving.runtime import Runtime
from fasttrack.serving.service import Service

if TYPE_CHECKING:
    from types import FrameType

    from fasttrack.contract.schema import Contract
    from fasttrack.settings import Settings

__all__ = ["run", "worker"]

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
"""The numbers that malloc.h gives them."""
_DRAIN_SECONDS = 30
"""How long a stopping server waits for the requests that it has accepted."""


def run(settings: Settings, *, host: str, port: int, workers: int = 1, access_log: bool = False) -> None:
    """Serve until a signal stops it; port 0 takes a free one. A worker process that dies is replaced.

    Raises StoreError or BundleError when there is no model to serve, ConfigError when the port cannot be used.
    """
    _return_freed_memory()
    runtime = Runtime(settings)
    models = runtime.models
    models.load()
    listener = _listen(host, port)
    bound = listener.getsockname()[1]
    name = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::", "::1") else host  # noqa: S104  # compared, not bound
    url = f"http://{name}:{bound}"
    print(  # noqa: T201  # the output of the command
        f"serving {models.current.model.label} at {url}\n"
        f"docs    {url}/docs\n"
        f"try     {try_line(url, models.current.model.contract)}",
        flush=True,
    )
    log_config: dict[str, Any] = copy.deepcopy(uvicorn.config.LOGGING_CONFIG)
    log_config["loggers"]["fasttrack"] = {"handlers": ["default"], "level": "INFO", "propagate": False}
    alone = workers == 1
    config = uvicorn.Config(
        Service(runtime) if alone else f"{__name__}:worker",
        factory=not alone,
        workers=workers,
        http=Wire,
        ws="none",
        access_log=access_log,
        log_config=log_config,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
        server_header=False,
    )
    if not alone:
        # the model is decided here, once for all workers
        os.environ.update(msgspec.structs.replace(settings, model=models.spec).as_environment())
        Multiprocess(config, sockets=[listener]).run()
        return
    server = uvicorn.Server(config)

    def stop(number: int, frame: FrameType | None) -> None:
        """Do nothing when Uvicorn raises the signal again after it has drained: then the command exits with 0."""
        if not server.started:
            # Nothing is open yet. SystemExit would be lost where exceptions are ignored, as in callbacks of weakref.
            os._exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.run(sockets=[listener])


def worker() -> Service:
    """The app of each of several worker processes, by its `FASTTRACK_*` environment variables."""
    _return_freed_memory()
    return Service(Runtime())


def _return_freed_memory() -> None:
    """Let the memory of arrays of a megabyte and more return to the system when they are freed.

    glibc raises that bound by itself, and then keeps what the largest requests once took, in each thread.
    """
    with suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        for parameter in (_MMAP_THRESHOLD, _TRIM_THRESHOLD):
            mallopt(parameter, 1 << 20)


def try_line(url: str, contract: Contract) -> str:
    """A curl command that gets a prediction from the server at `url`; the page with a row to send if that is long."""
    row = example_row(contract)
    if is_wide(contract):
        return f"{url}/docs has a row of the {len(row):,} columns to send"
    if len(row) == 1:
        (name, value) = next(iter(row.items()))
        if name.isidentifier() and isinstance(value, (int, float)) and not isinstance(value, bool):
            return (
                f'curl "{url}/predict?{name}=5"' if _in_range(contract, 5) else f'curl "{url}/predict?{name}={value}"'
            )
    return f"curl {url}/predict -d {shlex.quote(msgspec.json.encode(row).decode())}"


def _in_range(contract: Contract, value: float) -> bool:
    """Whether the first column had such values in training."""
    low, high = published_range(contract.columns[0]) or (value, value)
    return low <= value <= high


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}; choose another with --port") from None
    listener.set_inheritable(True)
    return listener
