"""Which version made a prediction: only what that version predicts can be the prediction's label."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from typing import TYPE_CHECKING

from fasttrack.errors import StoreError
from fasttrack.journal.database import Database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fasttrack.contract.schema import Target
    from fasttrack.journal.predictions import JournalModel

__all__ = ["Origins"]

_MOST_SPANS = 10_000
"""Of this process's predictions that are kept in memory; the database knows the versions of older ones."""
_RETRY_SECONDS = 5.0
"""A database that does not answer is not asked again before."""
_WAIT_SECONDS = 5.0
"""How long one thread waits for the lookups of others."""


class Origins:
    """Finds the target of predictions by their ids: those of this process in memory, others in the database.

    The journal calls `add` and `made`, the latter from one thread at a time; any thread may call the others.
    """

    def __init__(self, location: str, process: str) -> None:
        self._process = process
        self._database = Database(location)
        self._looking = threading.Lock()
        self._recording = threading.Lock()
        self._spans: list[tuple[int, Target]] = []
        """Of this process: the number of a version's first prediction, until the next version's."""
        self._stop = 0
        """Of this process: the number of the next prediction."""
        self._loaded: dict[tuple[str, str], Target] = {}
        self._known: dict[tuple[str, str], Target] = {}
        self._retry_at = 0.0

    def add(self, about: JournalModel) -> None:
        """A version that may predict from now on."""
        with self._recording:
            self._loaded.pop((about.model, about.version), None)
            self._loaded[about.model, about.version] = about.target

    def made(self, start: int, stop: int, target: Target) -> None:
        """Remember that a version with `target` made this process's predictions from number `start` up to `stop`."""
        self._stop = stop
        if self._spans and self._spans[-1][1] is target:  # nearly always, and then no lock is needed
            return
        with self._recording:
            self._spans.append((start, target))
            if len(self._spans) > _MOST_SPANS:
                del self._spans[: _MOST_SPANS // 2]

    def candidates(self) -> list[Target]:
        """The targets of the versions that this process has loaded, the latest first."""
        with self._recording:
            return list(self._loaded.values())[::-1]

    def targets(self, ids: Sequence[tuple[str, int]]) -> list[Target | None]:
        """Of each prediction, by process and number, what it predicts; None if that is not known.

        A prediction of another process is known once it is written, and while the database answers.
        """
        found = [self._own(process, number) for process, number in ids]
        missing = [place for place, target in enumerate(found) if target is None]
        if missing:
            for place, target in zip(missing, self._stored([ids[place] for place in missing]), strict=True):
                found[place] = target
        return found

    def close(self) -> None:
        """Let the connection go."""
        with self._looking:
            self._database.close()

    def _own(self, process: str, number: int) -> Target | None:
        if process != self._process:
            return None
        with self._recording:
            place = bisect_right(self._spans, number, key=lambda span: span[0])
            return self._spans[place - 1][1] if place and number < self._stop else None

    def _stored(self, ids: Sequence[tuple[str, int]]) -> list[Target | None]:
        unknown: list[Target | None] = [None] * len(ids)
        if time.monotonic() < self._retry_at or not self._looking.acquire(timeout=_WAIT_SECONDS):
            return unknown
        try:
            owners = self._database.owners(ids)
            if any(owner is not None and owner not in self._known for owner in owners):
                self._known = {(about.model, about.version): about.target for about in self._database.models()}
        except StoreError:  # labels are taken all the same
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            return unknown
        finally:
            self._looking.release()
        return [None if owner is None else self._known.get(owner) for owner in owners]
