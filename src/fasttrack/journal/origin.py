"""Finds the version that made a prediction, to check the prediction's label against the target of that version."""

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
"""Spans of this process's predictions in memory; older ones are looked up in the database."""
_RETRY_SECONDS = 5.0
"""After an error the database is not asked again for this long."""
_WAIT_SECONDS = 5.0
"""How long a lookup waits for those of other threads."""


class Origins:
    """Finds the target of predictions by their ids: in memory for this process, in the database for others.

    The journal calls `add` and `record`, the latter from one thread at a time. Any thread may call the others.
    """

    def __init__(self, location: str, process: str) -> None:
        self._process = process
        self._database = Database(location)
        self._looking = threading.Lock()
        self._recording = threading.Lock()
        self._spans: list[tuple[int, Target]] = []
        """Of this process: the number of the first prediction of each version in turn, and its target."""
        self._stop = 0
        """The number of this process's next prediction."""
        self._loaded: dict[tuple[str, str], Target] = {}
        self._known: dict[tuple[str, str], Target] = {}
        self._retry_at = 0.0

    def add(self, model: JournalModel) -> None:
        """Add a version that may predict from now on."""
        with self._recording:
            self._loaded.pop((model.model, model.version), None)
            self._loaded[model.model, model.version] = model.target

    def record(self, start: int, stop: int, target: Target) -> None:
        """Remember that a version with `target` made this process's predictions from number `start` up to `stop`."""
        self._stop = stop
        if self._spans and self._spans[-1][1] is target:  # the usual case, which needs no lock
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
        """The target of each prediction, by process and number; `None` if it is not known.

        The target of another process's prediction is known when that is written and the database answers.
        """
        targets = [self._own(process, number) for process, number in ids]
        missing = [place for place, target in enumerate(targets) if target is None]
        if missing:
            for place, target in zip(missing, self._stored([ids[place] for place in missing]), strict=True):
                targets[place] = target
        return targets

    def close(self) -> None:
        """Close the connection."""
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
                self._known = {(model.model, model.version): model.target for model in self._database.models()}
        except StoreError:  # labels are accepted all the same
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            return unknown
        finally:
            self._looking.release()
        return [None if owner is None else self._known.get(owner) for owner in owners]
