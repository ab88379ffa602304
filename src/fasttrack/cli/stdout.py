"""stdout for the commands, whose failures can be told from those of every other file."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["OutputError", "discard_output", "guard_output"]


class OutputError(OSError):
    """stdout cannot be written, such as when the disk is full."""


@contextlib.contextmanager
def guard_output() -> Iterator[None]:
    """Inside, writing to stdout raises OutputError, or BrokenPipeError when its reader has left."""
    if sys.stdout is None:  # closed by whoever started the command
        discard_output()
    with contextlib.redirect_stdout(cast("TextIO", _Guarded(sys.stdout))):
        yield


def discard_output() -> None:
    """Write to stdout no more, also not when Python flushes it at the end of the process."""
    sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115  # open until the process ends


class _Guarded:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with _as_output_error():
            return self._stream.write(text)

    def flush(self) -> None:
        with _as_output_error():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def _as_output_error() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:  # typer and rich end the command quietly
        raise
    except OSError as error:
        raise OutputError(error.errno, error.strerror) from error
