"""`fasttrack` as a user runs it: real processes, in a pipe or in a terminal of a given width."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

__all__ = ["COMMAND", "run", "run_in_terminal"]

COMMAND = str(Path(sys.executable).with_name("fasttrack"))


def run(*arguments: str, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([COMMAND, *arguments], cwd=cwd, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def run_in_terminal(*arguments: str, cwd: Path, width: int = 80, code: int = 0) -> list[str]:
    """The lines that a terminal of `width` characters shows, without colours."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "dumb"}
    environment.pop("COLUMNS", None)
    with subprocess.Popen(
        [COMMAND, *arguments], cwd=cwd, stdin=follower, stdout=follower, stderr=follower, env=environment
    ) as process:
        os.close(follower)
        output = b""
        while part := _read(leader):
            output += part
    os.close(leader)
    assert process.returncode == code, output.decode()
    return output.decode().replace("\r\n", "\n").splitlines()


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65_536)
    except OSError:  # Linux: everybody who had the terminal open has left
        return b""
