"""The process of the command line: it ends with the command's exit code, whatever C++ threads still do.

Arrow keeps threads that read ahead. One that drops the last reference to a Python object takes the interpreter's lock
for it. While the interpreter finalizes, that ends the thread in the middle of a C++ destructor, and the process aborts
with SIGABRT and "terminate called without an active exception". So the interpreter is not finalized.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from typing import NoReturn

from fasttrack.cli.app import run

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command line and end the process: 0, 1 after an error, 2 for wrong arguments, 130 after Ctrl-C."""
    try:
        run()
    except SystemExit as command:
        _end(command.code)
    _end(0)


def _end(code: str | int | None) -> NoReturn:
    """Do what the interpreter does before it takes its objects down, and leave."""
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # the interpreter waits for its threads by this name
    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = code or 1  # what was printed is lost
    finally:
        os._exit(code or 0)
