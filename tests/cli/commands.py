"""`fasttrack` as a user runs it: real processes, in files or in a terminal of a given width.

`run` forks each process from one that has imported what the commands import: imports take most of their time.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path
from typing import NoReturn

__all__ = ["COMMAND", "run", "run_in_terminal"]

COMMAND = str(Path(sys.executable).with_name("fasttrack"))


_IMPORTED = ["fasttrack.cli.process", "fasttrack.jobs.train", "fasttrack.report.page", "fasttrack.scoring.model"]


def run(*arguments: str, cwd: Path | None = None, code: int = 0) -> subprocess.CompletedProcess[str]:
    """What `fasttrack` with these arguments says on stdout and stderr; it must end with the exit code `code`."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    with tempfile.TemporaryDirectory() as folder:
        output = [Path(folder) / name for name in ("stdout", "stderr")]
        process = context.Process(target=_command, args=(arguments, cwd or Path.cwd(), dict(os.environ), *output))
        process.start()
        process.join(120)
        assert process.exitcode is not None, f"fasttrack {' '.join(arguments)} does not end"
        stdout, stderr = (path.read_text() for path in output)
    assert process.exitcode == code, stdout + stderr
    assert "Traceback" not in stderr
    return subprocess.CompletedProcess(arguments, code, stdout, stderr)


def _command(
    arguments: tuple[str, ...], cwd: Path, environment: dict[str, str], stdout: Path, stderr: Path
) -> NoReturn:
    """Be the process of the command."""
    for stream, path in ((1, stdout), (2, stderr)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115  # until the process ends
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.argv = [COMMAND, *arguments]
    from fasttrack.cli.process import main

    main()


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
