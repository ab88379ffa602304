"""Keep a store at what an alias in the registry means, for as long as asked, whatever the registry does meanwhile."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fasttrack.errors import FastTrackError
from fasttrack.tracking.pull import pull

if TYPE_CHECKING:
    import threading

    from fasttrack.store import Store
    from fasttrack.tracking.place import Place

__all__ = ["follow"]

_log = logging.getLogger("fasttrack")


def follow(place: Place, spec: str, store: Store, stop: threading.Event, *, every_s: float = 10.0) -> None:
    """Pull and promote what `spec` means now, and again each time that changes, until `stop` is set.

    A rollback in the store itself holds until the alias moves. What goes wrong is logged once, and tried again.
    """
    seen: str | None = None
    trouble = ""
    while not stop.is_set():
        try:
            number = None if seen is None else _number(place, spec)
            if seen is None or number != seen:
                pulled = pull(place, spec, store, promote=True)
                seen = pulled.registered.number
                told = "promoted" if pulled.promoted else "already champion"
                _log.info("%s is %s: %s@%s %s", spec, pulled.registered, pulled.name, pulled.version, told)
            if trouble:
                _log.info("%s answers again", place.shown)
            trouble = ""
        except FastTrackError as error:
            if str(error) != trouble:
                _log.warning("%s; trying again every %g s", error, every_s)
            trouble = str(error)
        stop.wait(every_s)


def _number(place: Place, spec: str) -> str:
    from fasttrack.tracking.client import client
    from fasttrack.tracking.registry import resolve

    with client(place) as mlflow:
        return resolve(mlflow, spec).number
