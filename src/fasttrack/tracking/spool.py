"""Runs that are not yet in MLflow, one file each. A run is written here before anything is sent, and goes last.

Whoever sends a run holds its file's lock, which dies with the process: a killed upload can be taken up by another.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from fasttrack.atomic_files import write_atomically
from fasttrack.errors import StoreError
from fasttrack.tracking.record import RunRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Spool"]


class Spool:
    """The waiting runs and aliases of one store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runs = folder / "runs"
        self._aliases = folder / "aliases"

    def add(self, record: RunRecord) -> None:
        """Keep `record` until it is removed. Raises StoreError when the disk does not take it."""
        write_atomically(self.path(record), msgspec.json.encode(record))

    def waiting(self) -> list[RunRecord]:
        """The runs that are kept, oldest first. Raises StoreError naming a file that cannot be read."""
        found = []
        for path in self._runs.glob("[!.]*.json"):
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=RunRecord))
            except FileNotFoundError:  # another process has just sent it
                continue
            except (OSError, msgspec.MsgspecError, UnicodeError) as error:
                raise StoreError(f"{path} cannot be read: {error}; delete it to give that run up") from None
        return sorted(found, key=lambda record: (record.started_ms, record.id))

    @contextmanager
    def held(self, record: RunRecord) -> Iterator[bool]:
        """Whether this process may send the run: not while another does, nor when it has been sent."""
        try:
            descriptor = os.open(self.path(record), os.O_RDONLY)
        except FileNotFoundError:
            yield False
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield os.fstat(descriptor).st_nlink > 0
        except BlockingIOError:
            yield False
        finally:
            os.close(descriptor)

    def remove(self, record: RunRecord) -> None:
        """The run is in MLflow, whole."""
        self.path(record).unlink(missing_ok=True)

    def owe_aliases(self, model: str) -> None:
        """Note that the registry does not yet know which version of `model` is champion."""
        write_atomically(self._aliases / model, b"")

    def owed_aliases(self) -> list[str]:
        """The models whose aliases in the registry are behind."""
        return sorted(path.name for path in self._aliases.glob("[!.]*"))

    def settle_aliases(self, model: str) -> None:
        """The registry knows."""
        (self._aliases / model).unlink(missing_ok=True)

    def path(self, record: RunRecord) -> Path:
        """The file that a run waits in."""
        return self._runs / f"{record.id}.json"
