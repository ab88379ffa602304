"""The folder with the shared counters of one server's worker processes."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from fasttrack.errors import ConfigError

__all__ = ["shared_folder"]


def shared_folder(setting: Path | None) -> Path | None:
    """The folder of the setting, or of this server; it is created if needed. `None` if this process serves alone.

    Workers that Uvicorn starts use a folder named after their parent process. When the parent has ended, the next
    server removes the folder. Raises ConfigError for a folder that cannot be written to.
    """
    parent = multiprocessing.parent_process()
    folder = setting
    if folder is None:
        if parent is None or parent.pid is None:
            return None
        home = Path(tempfile.gettempdir()) / f"fasttrack-metrics-{os.getuid()}"
        _create_private(home)
        _remove_stale(home)
        folder = home / f"{parent.pid}-{_start_time(parent.pid)}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(
            f"FASTTRACK_METRICS_DIR {folder} cannot be written to: {error.strerror}; name another folder"
        ) from None
    return folder


def _create_private(home: Path) -> None:
    """Create `home`. Raises ConfigError if another user created it: the files in it are trusted."""
    home.mkdir(mode=0o700, exist_ok=True)
    if home.stat().st_uid != os.getuid() or home.is_symlink():
        raise ConfigError(f"{home} belongs to another user; set FASTTRACK_METRICS_DIR to a folder of your own")


def _remove_stale(home: Path) -> None:
    """Remove the folders of servers that have ended."""
    for folder in home.iterdir():
        pid, _, start_time = folder.name.partition("-")
        if pid.isdigit() and _start_time(int(pid)) != start_time:
            with suppress(OSError):
                shutil.rmtree(folder)


def _start_time(pid: int) -> str:
    """When a process started, to tell it from a later one with the same number; empty if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        with suppress(OSError):
            os.kill(pid, 0)
            return "running"
        return ""
