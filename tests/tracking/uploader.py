"""Sends what waits, in a process that may be killed: `python uploader.py STORE`; a line on stdin forks one that sends.

MLflow is imported once, before; each sender's process id is printed as it begins.
"""

from __future__ import annotations

import os
import sys

import mlflow.tracking  # noqa: F401  # seconds that each sender would take

from fasttrack.store import LocalStore
from fasttrack.tracking import resume, spool_folder


def main(store: str) -> None:
    """Until stdin ends."""
    for _ in sys.stdin:
        sender = os.fork()
        if sender == 0:
            resume(LocalStore(store), spool_folder(store))
            os._exit(0)
        print(sender, flush=True)  # noqa: T201
        print(os.waitstatus_to_exitcode(os.waitpid(sender, 0)[1]), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
