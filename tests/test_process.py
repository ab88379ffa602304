"""How a command's process ends: with the command's exit code, whatever threads of C++ libraries still do."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("fasttrack")

_READING_AHEAD = """
import atexit, sys, time
import pyarrow as pa
import pyarrow.csv
from fasttrack.cli import main

def leave_a_reader():
    sys.setswitchinterval(5)  # this thread keeps the interpreter's lock, so that Arrow's thread waits for it
    content = bytes(bytearray(b"id,label\\na,1\\n"))
    pyarrow.csv.open_csv(pa.BufferReader(content)).close()
    end = time.perf_counter() + 0.02
    while time.perf_counter() < end:
        pass

sys.argv = ["fasttrack", "--version"]
atexit.register(leave_a_reader)
main()
"""


def run_python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)


def test_a_thread_of_arrow_that_still_reads_ahead_does_not_abort_the_process() -> None:
    """Without a clean end, each of the processes aborts with a chance of about 3 in 4."""
    with ThreadPoolExecutor(2) as pool:
        for done in pool.map(run_python, [_READING_AHEAD] * 8):
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout.startswith("fasttrack ")


def test_threads_and_exit_functions_of_libraries_still_run() -> None:
    done = run_python(
        "import atexit, sys, threading\n"
        "from fasttrack.cli import main\n"
        "atexit.register(print, 'exit function')\n"
        "threading.Thread(target=lambda: (threading.main_thread().join(), print('thread'))).start()\n"
        "sys.argv = ['fasttrack', '--version']\n"
        "main()\n"
    )
    assert done.returncode == 0
    assert done.stdout.splitlines()[1:] == ["thread", "exit function"]


@pytest.mark.parametrize(
    ("arguments", "code"), [(["--version"], 0), (["models", "list", "--store", "nothing"], 0), (["nonsense"], 2)]
)
def test_the_exit_code_is_that_of_the_command(tmp_path: Path, arguments: list[str], code: int) -> None:
    done = subprocess.run([COMMAND, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stderr
