"""Runs that are not in MLflow yet, one file each. A run is written here before it is sent, and removed after.

The sender of a run locks its file. The lock ends with the process, so another process can complete a killed upload.
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
    """The runs and aliases of one store that MLflow does not have yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runs = folder / "runs"
        self._aliases = folder / "aliases"

    def add(self, record: RunRecord) -> None:
        """Store `record` until it is removed. Raises StoreError when it cannot be written."""
        write_atomically(self.path(record), msgspec.json.encode(record))

    def runs(self) -> list[RunRecord]:
        """The runs, oldest first. Raises StoreError naming a file that cannot be read."""
        records = []
        for path in self._runs.glob("[!.]*.json"):
            try:
                records.append(msgspec.json.decode(path.read_bytes(), type=RunRecord))
            except FileNotFoundError:  # another process has just sent it
                continue
            except (OSError, msgspec.MsgspecError, UnicodeError) as error:
                raise StoreError(f"{path} cannot be read: {error}; delete it to discard that run") from None
        return sorted(records, key=lambda record: (record.started_ms, record.id))

    @contextmanager
    def lock(self, record: RunRecord) -> Iterator[bool]:
        """Lock the run. `False` if another process has locked it or has sent it already."""
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
        """Remove a run that is complete in MLflow."""
        self.path(record).unlink(missing_ok=True)

    def add_pending_aliases(self, model: str) -> None:
        """Note that MLflow's aliases of `model` are behind the store's."""
        write_atomically(self._aliases / model, b"")

    def pending_aliases(self) -> list[str]:
        """The models whose aliases in MLflow are behind."""
        return sorted(path.name for path in self._aliases.glob("[!.]*"))

    def remove_pending_aliases(self, model: str) -> None:
        """Note that MLflow's aliases of `model` are the store's."""
        (self._aliases / model).unlink(missing_ok=True)

    def path(self, record: RunRecord) -> Path:
        """The file of a run."""
        return self._runs / f"{record.id}.json"
