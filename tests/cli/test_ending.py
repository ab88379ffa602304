"""However a command ends, it says why in one line: a full disk, a reader that left, Ctrl-C, a file that is refused."""

from __future__ import annotations

import contextlib
import errno
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from fasttrack.cli import app
from fasttrack.store import LocalStore
from tests.bundles import line, writer
from tests.cli.commands import COMMAND

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    store = LocalStore(folder / "model")
    store.point("line", store.add("line", writer(line(2.0))).manifest.version)
    return folder


@pytest.mark.parametrize(
    ("redirection", "code", "stderr"),
    [
        ("> /dev/full", 1, "error: the output cannot be written: No space left on device\n"),
        (">&-", 0, ""),
        ("| true", 0, ""),
        ("| head -1 > /dev/null", 0, ""),
    ],
)
def test_an_output_that_is_gone(project: Path, redirection: str, code: int, stderr: str) -> None:
    for command in ("models list", "models show line", "models verify"):
        done = subprocess.run(
            f"{COMMAND} {command} {redirection}", shell=True, cwd=project, capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stderr) == (code, stderr), command


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "ConnectionRefusedError: [Errno 111] "),
        (OSError(errno.EMFILE, "Too many open files"), "OSError: [Errno 24] Too many open files"),
        (PermissionError(errno.EACCES, "Permission denied", "model/x"), "model/x: Permission denied"),
    ],
)
def test_a_failure_of_the_system_is_named(
    failure: OSError, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(self: LocalStore) -> list[str]:
        raise failure

    monkeypatch.setattr(LocalStore, "names", fail)
    monkeypatch.setattr("sys.argv", ["fasttrack", "models", "list", "--store", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        app.run()
    assert str(ended.value.code).startswith(f"error: {message}")
    assert "output" not in str(ended.value.code)


def test_ctrl_c_ends_a_command_without_a_traceback(project: Path) -> None:
    """The command waits for the end of a configuration that a fifo does not give."""
    subprocess.run(["mkfifo", project / "late.toml"], check=True)
    with (
        subprocess.Popen(
            [COMMAND, "train", "late.toml"], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as command,
        (project / "late.toml").open("w"),
    ):  # opens when the command reads it
        for _ in range(6):  # as one presses the keys again: Python drops an interrupt within a finalizer
            command.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                stdout, stderr = command.communicate(timeout=10)
                break
    assert command.returncode == 130
    assert (stdout, stderr) == ("", "")
