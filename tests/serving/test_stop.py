"""A signal stops the server at any time, also while it starts."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.serving import models

if TYPE_CHECKING:
    from pathlib import Path

_SIGNAL_IN_A_CALLBACK = """
import signal, sys, weakref
import uvicorn
from fasttrack.serving.run import run
from fasttrack.settings import Settings

class Server(uvicorn.Server):
    def run(self, sockets=None):
        class Thing: pass
        thing = Thing()
        reference = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGTERM))
        del thing  # an exception that is raised in the callback is ignored
        super().run(sockets)

uvicorn.Server = Server
run(Settings(store=sys.argv[1]), host="127.0.0.1", port=0)
"""


def test_a_signal_that_comes_before_the_server_has_started_is_not_lost(tmp_path: Path) -> None:
    models.line(tmp_path)
    command = [sys.executable, "-c", _SIGNAL_IN_A_CALLBACK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
