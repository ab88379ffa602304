"""Keep a store's champion at what an alias in MLflow means, until stopped, and through outages of MLflow."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fasttrack.errors import FastTrackError
from fasttrack.jobs.pull import pull
from fasttrack.tracking import registered_number

if TYPE_CHECKING:
    import threading

    from fasttrack.store import Store
    from fasttrack.tracking.place import Place

__all__ = ["follow"]

_log = logging.getLogger("fasttrack")


def follow(place: Place, spec: str, store: Store, stop: threading.Event, *, every_s: float = 10.0) -> None:
    """Pull and promote what `spec` means now, and again each time that changes, until `stop` is set.

    MLflow is asked every `every_s` seconds. A rollback in the store itself holds until MLflow's alias moves. An error
    is logged once, and the pull is tried again.
    """
    seen: str | None = None
    trouble = ""
    while not stop.is_set():
        try:
            number = None if seen is None else registered_number(place, spec)
            if seen is None or number != seen:
                done = pull(place, spec, store, promote=True)
                transfer = done.transfer
                seen = transfer.registered.number
                result = "already champion" if done.promotion is None else "promoted"
                _log.info("%s is %s: %s@%s %s", spec, transfer.registered, transfer.name, transfer.version, result)
                if done.promotion is not None and done.promotion.mirrored is not None:
                    _log.info("%s", done.promotion.mirrored)
            if trouble:
                _log.info("%s answers again", place.label)
            trouble = ""
        except FastTrackError as error:
            if str(error) != trouble:
                _log.warning("%s; trying again every %g s", error, every_s)
            trouble = str(error)
        stop.wait(every_s)
