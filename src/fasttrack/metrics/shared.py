"""The folder in which the worker processes of one server count together."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from fasttrack.errors import ConfigError

__all__ = ["shared_folder"]


def shared_folder(given: Path | None) -> Path | None:
    """The folder, made if it is not there; `None` when this process serves alone.

    Workers that Uvicorn starts share one that is named for the process that watches over them; when that one ends, the
    next server clears it away. Raises ConfigError for a folder that cannot be written.
    """
    watcher = multiprocessing.parent_process()
    if given is None and watcher is None:
        return None
    folder = given
    if folder is None:
        home = Path(tempfile.gettempdir()) / f"fasttrack-metrics-{os.getuid()}"
        _private(home)
        _sweep(home)
        assert watcher is not None  # noqa: S101  # for the type checker
        folder = home / f"{watcher.pid}-{_born(watcher.pid or 0)}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(f"FASTTRACK_METRICS_DIR {folder} cannot be written: {error.strerror}; name another") from None
    return folder


def _private(home: Path) -> None:
    """Make `home`, or raise ConfigError if another user made it: what is written there is read without doubt."""
    home.mkdir(mode=0o700, exist_ok=True)
    if home.stat().st_uid != os.getuid() or home.is_symlink():
        raise ConfigError(f"{home} belongs to another user; set FASTTRACK_METRICS_DIR to a folder of your own")


def _sweep(home: Path) -> None:
    for folder in home.iterdir():
        pid, _, born = folder.name.partition("-")
        if pid.isdigit() and _born(int(pid)) != born:
            with suppress(OSError):
                shutil.rmtree(folder)


def _born(pid: int) -> str:
    """When a process was started, so that a number that is used again is not taken for it; empty if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        with suppress(OSError):
            os.kill(pid, 0)
            return "running"
        return ""
